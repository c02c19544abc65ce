"""The audiences of the API: who may knock where, and which document describes it."""

from dataclasses import dataclass

from fastapi import APIRouter

from app.http.idempotency import IdempotentRoute
from app.routers.console import console_areas
from app.routers.mobile import mobile_areas
from app.routers.partner import partner_areas
from app.routers.public import public_areas


@dataclass(frozen=True, slots=True)
class Audience:
    """One group of callers with a prefix and an OpenAPI document of its own."""

    name: str
    title: str
    router: APIRouter


def _gather(prefix: str, areas: list[APIRouter]) -> APIRouter:
    router = APIRouter(prefix=prefix, route_class=IdempotentRoute)
    for area in areas:
        router.include_router(area)
    return router


AUDIENCES = (
    Audience("console", "安哨 工作台接口 · Anshao console API", _gather("/api/v1", console_areas())),
    Audience("mobile", "安哨 执法终端接口 · Anshao mobile API", _gather("/mobile/v1", mobile_areas())),
    Audience("partner", "安哨 第三方接口 · Anshao partner API", _gather("/partner/v1", partner_areas())),
    Audience("public", "安哨 公众接口 · Anshao public API", _gather("/public/v1", public_areas())),
)
