"""The standard library's documentation: what it defines, and under which names users know it.

``python_source`` parses modules, ``compiled`` asks a process of its own about those without
source; both give ``definitions``. ``lookup`` follows names to definitions, ``public_names``
chooses titles, ``uses`` counts how often each is used, ``topics`` reads the language reference.
"""
