"""JSON logs, one line an event. Routes are logged by pattern, never by address: no names, numbers or queries."""

import logging

import structlog

from app.services.audit.service import request_id


def _with_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if identifier := request_id.get():
        event["request_id"] = identifier
    return event


def configure_logs(level: str) -> None:
    """Set up logging of this process; called once by whoever starts it."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _with_request_id,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
    )
