"""Why numbers are not reserved, or a block not voided."""

from app.core.errors import ConflictProblem, InvalidProblem


class NumberYearProblem(InvalidProblem):
    """Numbers are reserved for this year, and from December on for the next."""

    code = "number_year"
    zh = "只能预留当年的文书号；每年12月起可预留次年的"
    en = "Numbers are reserved for this year, and from December on for the next"


class UnusedNumbersProblem(ConflictProblem):
    """The phone holds so many numbers of this series that it needs no more."""

    code = "too_many_unused_numbers"
    retry = "manual"
    zh = "该终端尚有 {unused} 个未用文书号，最多持有 {limit} 个"
    en = "The phone holds {unused} unused numbers of this series; {limit} is the most"


class BlockVoidedProblem(ConflictProblem):
    """It is void already."""

    code = "number_block_voided"
    zh = "该号段已作废"
    en = "The block is void already"
