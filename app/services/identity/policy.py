"""Who may do what: role x action as data. The region comes from the grant. What is not listed is refused."""

from app.enums.identity import Role

_A, _I, _S, _C = Role.ADMINISTRATOR, Role.INSPECTOR, Role.SAFETY_ASSISTANT, Role.CASE_OFFICER
_L, _P, _V, _U = Role.LEGAL_REVIEWER, Role.APPROVER, Role.SUPERVISOR, Role.AUDITOR

_OFFICERS = {_I, _C, _L, _P}
_EVERYONE = frozenset(Role)
_READERS = frozenset({*_OFFICERS, _V, _U})

PERMISSIONS: dict[str, frozenset[Role]] = {
    "regions:read": _EVERYONE,
    "regions:manage": frozenset({_A}),
    "authorities:read": _EVERYONE,
    "authorities:manage": frozenset({_A}),
    "users:read": frozenset({_A, _V, _U}),
    "users:manage": frozenset({_A}),
    "users:unmask": frozenset({_A, _U}),
    "certificates:read": frozenset({_A, _P, _V, _U}),
    "certificates:manage": frozenset({_A}),
    "devices:read": frozenset({_A, _U}),
    "devices:manage": frozenset({_A}),
    "clients:read": frozenset({_A, _U}),
    "clients:manage": frozenset({_A}),
    "audit:read": frozenset({_U}),
    "enterprises:read": frozenset({*_READERS, _S, _A}),
    "enterprises:manage": frozenset({_I, _C, _V}),
    "enterprises:import": frozenset({_A, _V}),
    "enterprises:export": frozenset({_V, _U}),
    "enterprises:invite": frozenset({_I, _C}),
    "enterprises:unmask": frozenset({_I, _C, _P}),
    "checklists:read": _EVERYONE,
    "checklists:manage": frozenset({_A, _V}),
    "checklists:publish": frozenset({_A}),
    "evidence:read": _READERS,
    "evidence:read_original": frozenset({_I, _C, _L, _P, _U}),
    "evidence:provenance": frozenset({_C, _L, _P, _V, _U}),
    "evidence:review": frozenset({_C, _L, _P, _V}),
    "evidence:upload": frozenset({_I, _C, _S}),
    "board:read": frozenset({_V, _P, _U}),
    "inspections:read": _READERS,
    "inspections:assign": frozenset({_V, _P}),
    "inspections:submit": frozenset({_I}),
    "inspections:judge": frozenset({_V, _P}),
    "numbers:reserve": frozenset({_I}),
    "numbers:read": frozenset({*_READERS, _A}),
    "numbers:void": frozenset({_A, _V}),
    "determinations:read": _READERS,
    "determinations:verify": frozenset({_I}),
    "determinations:confirm": frozenset({_P}),
    "rules:read": frozenset({*_READERS, _A}),
    "rules:edit": frozenset({_A, _L}),
    "rules:publish": frozenset({_L, _P}),
    "hazards:read": _READERS,
    "hazards:manage": frozenset({_I}),
    "hazards:order": frozenset({_I}),
    "hazards:report": frozenset({_I, _C, _V}),
    "hazards:merge": frozenset({_V, _P}),
    "hazards:unmask_informant": frozenset({_P}),
    "hazards:propose_extension": frozenset({_I, _C}),
    "hazards:measure": frozenset({_I}),
    "hazards:lift": frozenset({_P}),
    "hazards:propose_placard": frozenset({_I, _C, _V}),
    "hazards:govern": frozenset({_V, _P}),
    "hazards:close": frozenset({_P}),
    "hazards:export": frozenset({_V, _U}),
    "risks:read": _READERS,
    "calendar:read": _EVERYONE,
    "calendar:import": frozenset({_A}),
    "clocks:read": _READERS,
    "clocks:suspend": frozenset({_C, _P}),
    "clocks:extend": frozenset({_P}),
    "clocks:hand_over": frozenset({_P}),
    "clocks:configure": frozenset({_A}),
    "cases:read": frozenset({_C, _L, _P, _V, _U}),
    "cases:open": frozenset({_C}),
    "cases:approve": frozenset({_P}),
    "cases:unmask": frozenset({_C, _L, _P}),
    "campaigns:read": _READERS,
    "campaigns:manage": frozenset({_V, _P}),
    "patrols:read": frozenset({*_READERS, _S}),
    "patrols:submit": frozenset({_S}),
    "patrols:handle": frozenset({_I, _V}),
    "bundles:carry": frozenset({_I, _C, _S}),
    "quarantine:read": frozenset({_A, _L, _P, _V, _U}),
    "quarantine:read_original": frozenset({_L, _P, _U}),
    "quarantine:decide": frozenset({_L, _P}),
    "operations:manage": frozenset({_A}),
}

EXCLUSIVE: tuple[tuple[frozenset[Role], frozenset[Role]], ...] = ((frozenset({_S}), frozenset(_OFFICERS)),)
"""Roles of the one side and of the other that nobody holds on the same day."""

CLIENT_SCOPES: frozenset[str] = frozenset({"enterprises:read", "inspections:read", "hazards:read"})
"""What a third-party application can be given at most."""

INVITED_ACTIONS: frozenset[str] = frozenset(
    {"site_orders:read", "site_orders:answer", "self_reports:read", "self_reports:submit"}
)
"""What an enterprise's person may do at the site of his invitation; no role holds any of it."""


def excluded_by(role: str) -> frozenset[Role]:
    """The roles that may not be held beside this one."""
    there = [right for left, right in EXCLUSIVE if role in left]
    back = [left for left, right in EXCLUSIVE if role in right]
    return frozenset().union(*there, *back)


def actions_of(role: str) -> frozenset[str]:
    """Every action a role allows; an unknown role allows none."""
    return _ACTIONS.get(role, frozenset())


_ACTIONS: dict[str, frozenset[str]] = {
    role: frozenset(action for action, roles in PERMISSIONS.items() if role in roles) for role in Role
}
