"""Who may see what of checklists. Pure. Checklists are not region-owned: the law asks the same everywhere in the city."""

from app.core.actor import Actor


def sees_drafts(actor: Actor) -> bool:
    """Drafts are for those who write or publish them, and for the auditor."""
    return actor.kind == "system" or any(
        actor.can(action) for action in ("checklists:manage", "checklists:publish", "audit:read")
    )
