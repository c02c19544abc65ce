"""The console API, one file per area. Listed here, in the order of the documentation."""

from fastapi import APIRouter

from app.routers.console import (
    audit,
    board,
    calendar,
    cases,
    certificates,
    checklists,
    clients,
    clocks,
    contacts,
    determinations,
    devices,
    enterprise_imports,
    enterprises,
    evidence,
    extensions,
    hazard_exports,
    hazard_reports,
    hazards,
    inspections,
    measures,
    numbers,
    organizations,
    packages,
    patrols,
    provenance,
    quarantine,
    risks,
    session,
    sites,
    users,
)


def console_areas() -> list[APIRouter]:
    """The routers of this audience."""
    return [
        session.router,
        organizations.router,
        users.router,
        certificates.router,
        clients.router,
        devices.router,
        enterprise_imports.router,
        enterprises.router,
        contacts.router,
        sites.router,
        checklists.router,
        inspections.router,
        packages.router,
        numbers.router,
        quarantine.router,
        determinations.router,
        board.router,
        provenance.router,  # before evidence: /evidence/provenance is no file's id
        evidence.router,
        hazard_exports.router,  # before hazards: /hazards/exports is no hazard's id
        hazards.router,
        hazard_reports.router,
        extensions.router,
        measures.router,
        patrols.patrols,
        patrols.whistles,
        risks.router,
        calendar.router,
        clocks.router,
        cases.router,
        audit.router,
    ]
