"""What all architectures have in common; for now there is one."""

from model.transformer import Transformer

LanguageModel = Transformer
