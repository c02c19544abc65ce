"""Why regions, authorities and brigades refuse a change."""

from app.core.errors import ConflictProblem, InvalidProblem


class CodeTakenProblem(ConflictProblem):
    """Codes are given once, also to what has ended since."""

    code = "code_taken"
    zh = "代码“{value}”已被使用"
    en = "The code {value} is taken"


class WordTakenProblem(ConflictProblem):
    """Another authority in force in the same period begins its numbers with this word: they would print the same numbers."""

    code = "document_word_taken"
    zh = "发文字号“{value}”已由同期有效的另一机关使用"
    en = "Another authority in force in this period uses the document word {value}"


class RegionPlaceProblem(InvalidProblem):
    """Below a city lie districts or towns, below a district towns."""

    code = "region_place"
    zh = "上级区划不能包含该级别的区划"
    en = "A region of this level cannot lie below that parent"


class RegionPeriodProblem(InvalidProblem):
    """A region exists only while its parent does, and is in force on its first day at least."""

    code = "region_period"
    zh = "有效期须在上级区划的有效期内，且结束日不早于开始日"
    en = "The period must lie within the parent's and not end before it begins"


class RegionInUseProblem(ConflictProblem):
    """Regions below it go on after that day; they are ended first."""

    code = "region_in_use"
    zh = "仍有下级区划在该日之后有效，请先终止下级区划"
    en = "Regions below it go on after that day; end them first"


class EndedProblem(ConflictProblem):
    """It has an end already; an end is not moved, a new period begins instead."""

    code = "already_ended"
    zh = "已设定结束日"
    en = "It has an end already"


class EndBeforeBeginningProblem(InvalidProblem):
    """The last day lies before the first."""

    code = "end_before_beginning"
    zh = "结束日早于开始日"
    en = "The last day lies before the first"


class OverlapProblem(ConflictProblem):
    """Two periods of the same thing overlap."""

    code = "periods_overlap"
    zh = "与已有有效期重叠"
    en = "The period overlaps an existing one"


class EntrustmentChainProblem(InvalidProblem):
    """Who is entrusted entrusts nobody further (Administrative Penalty Law, Art. 20)."""

    code = "entrustment_chain"
    zh = "受委托组织不得再委托（行政处罚法第二十条）"
    en = "Who is entrusted may not entrust another (Administrative Penalty Law, Art. 20)"


class BrigadePlaceProblem(InvalidProblem):
    """A squad belongs to a brigade in use of the same authority, and has no squads itself."""

    code = "brigade_place"
    zh = "中队须隶属于同一机关在用的大队"
    en = "A squad belongs to a brigade in use of the same authority"


class NameTakenProblem(ConflictProblem):
    """The authority has a brigade of that name."""

    code = "name_taken"
    zh = "名称已被使用"
    en = "The name is taken"
