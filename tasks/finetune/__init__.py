"""The finetune stage: the base model learns to answer."""
