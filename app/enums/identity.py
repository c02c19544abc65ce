"""Roles, by the field's own names."""

from app.enums.labels import LabelledEnum


class Role(LabelledEnum):
    """What a person may be within a region."""

    ADMINISTRATOR = "administrator", "系统管理员", "Administrator"
    INSPECTOR = "inspector", "执法人员", "Inspector"
    SAFETY_ASSISTANT = "safety_assistant", "专职安全员", "Safety assistant"
    CASE_OFFICER = "case_officer", "承办人", "Case officer"
    LEGAL_REVIEWER = "legal_reviewer", "法制审核人员", "Legal reviewer"
    APPROVER = "approver", "负责人", "Person in charge"
    SUPERVISOR = "supervisor", "监管人员", "Supervisor"
    AUDITOR = "auditor", "监督人员", "Auditor"
