"""What is made of a chunk of documents, layer by layer, each kept under what decides it.

A layer is a table with a row for each document of the chunk. Each is a module of its own, so that
a change in its code, or in what that imports, makes that layer anew and those that build on it.
"""
