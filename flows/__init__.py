"""Prefect flows: what runs when. The only folder that imports prefect."""
