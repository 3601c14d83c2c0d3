"""The stage ``ingest``: every source's documents and dialogues, as they come."""
