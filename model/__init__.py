"""The model: torch and Lightning only; knows no project paths, no DVC, no Prefect, no MLflow."""
