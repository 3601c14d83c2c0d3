"""Serving: the API, grounded answers and the chat page; imports model/ only."""
