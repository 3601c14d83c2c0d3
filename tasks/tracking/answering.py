"""Whether an MLflow server answers, looked at before hours of work whose end would want it."""

from chatwright.errors import ServiceUnavailable

SECONDS = 10.0


def check_answers(uri: str) -> None:
    """See that something answers at ``tracking.uri``, if that is an address.

    Any answer will do, one that wants a login too: what it means is for MLflow to say.

    Raises:
        ServiceUnavailable: nothing does.
    """
    if not uri.lower().startswith(("http://", "https://")):
        return
    import requests  # as MLflow asks, with its proxies

    try:
        requests.get(uri, timeout=SECONDS, allow_redirects=False, stream=True).close()
    except requests.exceptions.SSLError:
        pass  # somebody is there, and MLflow may have been told to trust them
    except requests.exceptions.ConnectTimeout:
        raise _nobody(uri, f"no answer in {SECONDS:.0f} seconds") from None
    except requests.exceptions.ConnectionError as error:
        raise _nobody(uri, _reason(error)) from None
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
        raise _nobody(uri, "that is no address") from None
    except requests.exceptions.RequestException:
        pass  # slow, or not what we understand, but there


def _nobody(uri: str, reason: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"tracking.uri, {uri}",
        f"no MLflow server answers there ({reason})",
        "Start it, mend the address, or take the file: --set tracking.uri=sqlite:///mlflow.db",
    )


def _reason(error: BaseException) -> str:
    """The system's own words, which stand at the bottom of three packages' exceptions."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        inner = getattr(found, "reason", None) or (found.args[0] if found.args else None)
        found = inner if isinstance(inner, BaseException) else found.__cause__
    return type(error).__name__
