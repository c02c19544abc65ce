"""The audiences of the API: who may knock where, and which document describes it."""

from dataclasses import dataclass

from fastapi import APIRouter

from app.http.idempotency import IdempotentRoute
from app.routers.console import console_areas
from app.routers.enterprise import enterprise_areas
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


# Routes are tried one after the other: the phones, who ask most often, come first.
AUDIENCES = (
    Audience("mobile", "安哨 执法终端接口 · Anshao mobile API", _gather("/mobile/v1", mobile_areas())),
    Audience("console", "安哨 工作台接口 · Anshao console API", _gather("/api/v1", console_areas())),
    Audience("partner", "安哨 第三方接口 · Anshao partner API", _gather("/partner/v1", partner_areas())),
    Audience(
        "enterprise", "安哨 企业接口 · Anshao enterprise API", _gather("/enterprise/v1", enterprise_areas())
    ),
    Audience("public", "安哨 公众接口 · Anshao public API", _gather("/public/v1", public_areas())),
)

TAGS = (
    ("session", "登录与会话", "Logging in and out"),
    ("users", "用户", "Users, their roles and regions"),
    ("certificates", "执法证", "Officers' certificates"),
    ("organizations", "区域与机关", "Regions, authorities, brigades"),
    ("regions", "区域", "Regions"),
    ("authorities", "执法机关", "Authorities and their jurisdiction"),
    ("devices", "执法终端", "Phones: enrolment, confirmation, revocation"),
    ("clients", "第三方应用", "Third-party clients"),
    ("oauth", "授权", "OAuth 2 client credentials"),
    ("enterprises", "企业", "Enterprises, contacts, imports"),
    ("invitations", "企业邀请", "Invitations of enterprises' people"),
    ("sites", "场所", "Sites, operators and landlords, units of risk"),
    ("checklists", "检查表", "Checklists and their versions"),
    ("templates", "检查表内容", "Checklists by hash, for phones"),
    ("assignments", "检查任务", "Assignments"),
    ("inspections", "检查", "Assignments, visits, packages that wait"),
    ("sync", "同步", "What phones hold offline: pull, push and stream"),
    ("packages", "检查包", "Sealed packages, signatures, receipts"),
    ("quarantine", "待处理", "What waits for a person: the intake of revoked phones, packages set aside"),
    ("numbers", "文书号", "Numbers of documents printed on site: blocks and uses"),
    ("bundles", "离线包", "Bundle files: carried by another phone, encrypted to the authority"),
    ("evidence", "证据", "Evidence: originals, derivatives, custody"),
    ("uploads", "断点续传", "Resumable uploads of evidence: tus 1.0 and the IETF draft"),
    ("board", "督办看板", "The board: what is still on phones, and phones that are silent"),
    ("determinations", "重大隐患判定", "Determination by clause, verification, confirmation"),
    ("hazards", "隐患台账", "The hazard registry"),
    ("orders", "收到的文书", "Orders and measures issued to an enterprise"),
    ("reports", "企业自查上报", "Hazards an enterprise reports of itself"),
    ("risks", "企业风险画像", "The risk of an enterprise, explained"),
    ("calendar", "工作日历", "Holidays and make-up workdays"),
    ("clocks", "法定时限", "Statutory clocks"),
    ("cases", "案件", "Enforcement cases"),
    ("campaigns", "专项行动", "Campaigns: assignments under one name, their progress, what came back"),
    ("patrols", "巡查与吹哨", "Patrols and whistles"),
    ("audit", "审计日志", "The audit log and its seals"),
    ("keys", "公钥", "Public keys"),
)
"""Area, Chinese and English words of the documentation, in its order."""
