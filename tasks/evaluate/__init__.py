"""What a build is worth: its models on held-out text, its assistant on questions.

``language_model`` measures the models, ``floors`` what needs no model, ``assistant`` the replies as
served, ``table`` shows the report; ``__main__`` is the stage.
"""
