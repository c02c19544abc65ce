"""Masking personal data for display and export. Who may see the full value is decided by policies."""


def masked_name(name: str) -> str:
    """The first character and one star, which hides the length: 张*."""
    return f"{name[0]}*" if name else ""


def masked_id_number(number: str) -> str:
    """The first six and last four of 18 characters; any other number is hidden whole."""
    return f"{number[:6]}{'*' * 8}{number[-4:]}" if len(number) == 18 else "*" * len(number)


def masked_email(email: str) -> str:
    """The first character and the domain: z***@example.cn."""
    return f"{email[0]}***@{email.rpartition('@')[2]}" if email else ""


def masked_phone(phone: str) -> str:
    """The first three and last four of an 11-digit number; any other keeps at most its last two."""
    if len(phone) == 11 and phone.isdigit():
        return f"{phone[:3]}****{phone[-4:]}"
    return "*" * len(phone) if len(phone) < 7 else "*" * (len(phone) - 2) + phone[-2:]
