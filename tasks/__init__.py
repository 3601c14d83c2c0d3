"""The stages: one module or package each, a plain function from inputs to outputs."""
