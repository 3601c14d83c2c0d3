"""Is a document worth learning from? The published filters, by name, one after the other."""
