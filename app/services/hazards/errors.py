"""Why a hazard cannot take a step."""

from collections.abc import Mapping
from typing import Literal, Self
from uuid import UUID

from app.core.errors import ConflictProblem, ForbiddenProblem, InvalidProblem, Problem


class HazardStateProblem(ConflictProblem):
    """The hazard's state does not allow the action."""

    code = "hazard_state"
    zh = "隐患当前状态为“{state}”，不能执行此操作"
    en = "The hazard is {state}; this is not possible now"


class HazardChoiceProblem(InvalidProblem):
    """A re-inspection is assigned for open, ordered hazards of its own site; nothing else is re-inspected."""

    code = "hazards_not_reinspectable"
    zh = "复查任务须列明该场所已责令整改且未销号的隐患"
    en = "A re-inspection names hazards of its site that are ordered and not closed"


class ReinspectionProblem(InvalidProblem):
    """A re-inspection is a visit of that kind to the hazard's own site, on or after the order, by two certified officers."""

    code = "reinspection_visit"
    zh = "复查须为责令整改当日或之后、由两名以上持证执法人员对该场所实施的复查"
    en = "A re-inspection is a visit to the hazard's site, on or after the order, by two certified officers at least"


class ReinspectionBeforeReportProblem(InvalidProblem):
    """What officers found undone before the enterprise reported it rectified says nothing of the report."""

    code = "reinspection_before_report"
    zh = "该次复查早于企业报告整改完成之日，不能据以认定未整改；须在报告当日或之后复查"
    en = "The visit was before the day the enterprise reported it rectified; only one on or after that day can find it undone"


class ReinspectionOutcomeProblem(InvalidProblem):
    """Resolved is what is rectified; unchanged and aggravated is what is not. Who says both has said nothing."""

    code = "reinspection_outcome"
    zh = "复查结果自相矛盾：已整改的结果只能是“已整改”（resolved），未整改的只能是“未整改”（unchanged）或“加重”（aggravated）"
    en = (
        "The result contradicts itself: what is rectified is resolved, what is not is unchanged or aggravated"
    )


class OrderOfficersProblem(InvalidProblem):
    """Two certified officers at least, of the authority or entrusted by it (行政处罚法 20, 42), the writer one of them."""

    code = "order_officers"
    zh = "责令限期整改须由本机关或受其委托的两名以上当日持有效执法证的人员（含填报人）实施"
    en = "An order is issued by two certified officers of the authority or entrusted by it, the writer one of them"


OrderRefusal = Literal[
    "unknown", "repeated", "other_authority", "other_enterprise", "other_site", "merged", "state", "version"
]
ORDER_REFUSALS: dict[OrderRefusal, tuple[str, str]] = {
    "unknown": ("未找到该隐患", "There is no such hazard"),
    "repeated": ("该隐患在指令书中重复", "The hazard is named twice"),
    "other_authority": ("该隐患由其他机关登记，须另行下达", "The hazard is another authority's: it takes an order of its own"),
    "other_enterprise": ("该隐患属于其他单位，须另行下达", "The hazard is another enterprise's: it takes an order of its own"),
    "other_site": ("该隐患属于其他场所或区域，须另行下达", "The hazard is of another site or region: it takes an order of its own"),
    "merged": ("该隐患已合并，请责令保留的隐患", "The hazard is merged into another: order the one that stays"),
    "state": ("该隐患当前状态不能责令整改", "The hazard's state does not allow an order"),
    "version": ("该隐患已被更改，请刷新后重试", "The hazard was changed in the meantime: reload it"),
}  # fmt: skip


class OrderLinesProblem(ConflictProblem):
    """An order is issued whole or not at all. `lines` names each that cannot be in it: `line` (from 1), `hazard_id`, `reason`, and
    the reason in Chinese and English."""

    code = "order_lines"
    zh = "指令书未下达：第 {numbers} 项不能责令整改"
    en = "Nothing was ordered: these lines cannot be in the order: {numbers}"

    @classmethod
    def of(cls, refused: Mapping[int, tuple[UUID, OrderRefusal]]) -> Self:
        """By the numbers of the lines."""
        lines = [
            {"line": number, "hazard_id": str(hazard_id), "reason": reason, "zh": zh, "en": en}
            for number, (hazard_id, reason) in refused.items()
            for zh, en in [ORDER_REFUSALS[reason]]
        ]
        return cls(numbers="、".join(map(str, refused)), lines=lines)


class ExtensionStateProblem(ConflictProblem):
    """The proposal is settled."""

    code = "extension_state"
    zh = "延期申请当前状态为“{state}”，不能执行此操作"
    en = "The proposed extension is {state}; this is not possible now"


class ExtensionClockProblem(ConflictProblem):
    """No period of an order or a placard runs, or it is not the one that was to be extended."""

    code = "no_period_to_extend"
    zh = "没有正在计时的整改（挂牌）期限可以延长"
    en = "No period runs that could be extended"


class ExtensionPendingProblem(ConflictProblem):
    """One proposal at a time for each period."""

    code = "extension_pending"
    zh = "该期限已有待审批的延期"
    en = "An extension of this period is proposed already"


class ExtensionLateProblem(InvalidProblem):
    """What is overdue is not made timely afterwards."""

    code = "extension_too_late"
    zh = "期限已于 {due_on} 届满，不能再提出延期"
    en = "The period ended on {due_on}; an extension can no longer be proposed"


class ExtensionPastProblem(InvalidProblem):
    """A grant that comes after the longer period has run out would give no day more."""

    code = "extension_in_the_past"
    zh = "延长后的期限已于 {due_on} 届满，不能同意该延期；请选择“不同意延期”，必要时重新责令限期整改"
    en = "The longer period ended on {due_on} already; refuse the extension and order anew"


class ExtensionPersonProblem(ForbiddenProblem):
    """Who proposed an extension does not settle it."""

    code = "extension_same_person"
    zh = "提出延期的人不得审批该延期"
    en = "Who proposed an extension does not decide on it"


class ProposalStateProblem(ConflictProblem):
    """The proposal is settled."""

    code = "proposal_state"
    zh = "该建议当前状态为“{state}”，不能执行此操作"
    en = "The proposal is {state}; this is not possible now"


class PlacardStateProblem(ConflictProblem):
    """The placard's state does not allow the step."""

    code = "placard_state"
    zh = "挂牌当前状态为“{state}”，不能执行此操作"
    en = "The placard is {state}; this is not possible now"


class PlacardStandsProblem(ConflictProblem):
    """A hazard has one placard of a kind at a time."""

    code = "placard_stands"
    zh = "该隐患已有同类挂牌（待决定或挂牌中）"
    en = "The hazard has a placard of this kind, proposed or in force"


class PlacardKindProblem(InvalidProblem):
    """No such kind of placard."""

    code = "placard_kind_unknown"
    zh = "没有“{kind}”这种挂牌"
    en = "There is no placard of the kind {kind}"


class PlacardConditionProblem(InvalidProblem):
    """What the kind asks of the hazard does not hold: it is to be open, major, overdue."""

    code = "placard_conditions"
    zh = "该隐患不符合挂牌条件（{missing}）"
    en = "The hazard does not meet the conditions of the placard ({missing})"


class PlacardPersonsProblem(InvalidProblem):
    """Who answers for the removal is a contact of the enterprise; who supervises it is of the authority that decides."""

    code = "placard_persons"
    zh = "治理责任人须为该企业登记的联系人，督办责任人须为有权在该地作出决定的机关（决定时为作出决定的机关）的人员"
    en = "Who answers for the removal is a contact of the enterprise, who supervises it is of the authority that decides"


class PlacardTextProblem(InvalidProblem):
    """The text for the public names a responsible person, or has the number of a person, a phone or the enterprise."""

    code = "placard_text"
    zh = "公示文字不得含责任人姓名、电话、证件号码或统一社会信用代码"
    en = "The text for the public has no names of responsible persons, no phone, identity or enterprise numbers"


class ProgressMonthProblem(InvalidProblem):
    """Progress is of a month from the decision on, not of one to come."""

    code = "progress_month"
    zh = "治理进展须为决定挂牌当月及以后、不晚于本月的月份"
    en = "Progress is of a month from the decision on, not of one to come"


class ProgressKnownProblem(ConflictProblem):
    """A month's progress is written once."""

    code = "progress_known"
    zh = "该月治理进展已经填报"
    en = "The progress of this month is written down already"


class PlacardDeciderProblem(ForbiddenProblem):
    """The kind names who decides, by role and level of region; of what is put up, the authority that decided or one above it."""

    code = "placard_decider"
    zh = "该类挂牌须由有权层级的人员决定；已挂牌的，由作出决定的机关或其上级办理"
    en = "A placard of this kind is decided at another level; once put up, it is for the deciding authority or one above it"


class PlacardAuthorityProblem(InvalidProblem):
    """A placard is in the name of the decider's own authority, or of one that has entrusted it, of a level that the kind names."""

    code = "placard_authority"
    zh = "挂牌须以本人所在机关的名义决定，受委托的机关以委托机关的名义决定；该机关须管辖该隐患所在区域，且属于该类挂牌规定的层级"
    en = "The deciding authority is one's own, or the one that entrusted it; it covers the place, at a level that the kind names"


class PlacardAcceptanceProblem(ConflictProblem):
    """A placard is removed once a re-inspection found the hazard rectified; otherwise it is withdrawn, with a reason."""

    code = "placard_not_accepted"
    zh = "隐患尚未复查合格，不能摘牌"
    en = "No re-inspection has found the hazard rectified; the placard cannot be removed"


class MeasureStateProblem(ConflictProblem):
    """The measure's state does not allow the step."""

    code = "measure_state"
    zh = "现场处理措施当前状态为“{state}”，不能执行此操作"
    en = "The on-site measure is {state}; this is not possible now"


class MeasurePersonProblem(ForbiddenProblem):
    """Those who ordered a measure put it in writing; somebody else agrees to its lifting."""

    code = "measure_person"
    zh = "书面决定由实施措施的执法人员作出，解除或撤销由其以外的负责人审查同意"
    en = "Who ordered the measure puts it in writing; somebody else agrees to its lifting or withdrawal"


class MeasureKindProblem(InvalidProblem):
    """No such kind of measure."""

    code = "measure_kind_unknown"
    zh = "没有“{kind}”这种现场处理措施"
    en = "There is no on-site measure of the kind {kind}"


class MeasureTimeProblem(InvalidProblem):
    """What was ordered was ordered in the past."""

    code = "measure_time"
    zh = "口头责令的时间不得晚于现在"
    en = "An oral order cannot lie in the future"


class MeasureOfficersProblem(InvalidProblem):
    """Two certified officers of the authority at least, the writer one of them (行政处罚法 42, 安全生产法 67)."""

    code = "measure_officers"
    zh = "现场处理措施须由本机关两名以上当日持有效执法证的人员（含填报人）实施"
    en = "An on-site measure is ordered by two certified officers of the authority at least, the writer one of them"


class MeasureHazardsProblem(InvalidProblem):
    """A written decision names the open hazards it covers, all of the site and the authority."""

    code = "measure_hazards"
    zh = "书面决定须列明该场所、本机关登记且未销号的隐患"
    en = "A written decision names open hazards of the site and the authority"


class MeasureReviewNeededProblem(ConflictProblem):
    """The measure's kinds ask for a re-inspection, or for the person in charge to agree, before it is over."""

    code = "measure_review_needed"
    zh = "该措施须经复查合格（停产停用的还须审查同意）后方可解除"
    en = "The measure is over only after a re-inspection, and where something was suspended after that is agreed to"


class MeasureReviewProblem(InvalidProblem):
    """A review is a re-inspection visit to the site, on or after the decision, by two certified officers."""

    code = "measure_review_visit"
    zh = "解除措施的复查须为书面决定当日或之后、由两名以上持证执法人员对该场所实施的复查"
    en = "The review is a re-inspection of the site, on or after the decision, by two certified officers at least"


class MeasureHazardsOpenProblem(ConflictProblem):
    """Work goes on once the major hazards are removed (安全生产法 65(1)(三)); a measure is over by removal once all are."""

    code = "measure_hazards_open"
    zh = "措施所涉隐患尚未复查合格，不能解除或终止：{hazards}"
    en = "The measure is not over: hazards it covers are not yet found rectified: {hazards}"


class ExportNotReadyProblem(Problem):
    """There is no file: the export is not done, or it failed. Half a file is never offered."""

    status = 409
    code = "export_not_ready"
    retry = "after"
    zh = "导出尚未完成（{state}），暂无文件"
    en = "The export is {state}; there is no file"


class ExportStateProblem(ConflictProblem):
    """Only a failed export is taken on again."""

    code = "export_state"
    zh = "导出当前状态为“{state}”，只有失败的导出可以重试"
    en = "The export is {state}; only a failed one is taken on again"


class ExportExpiredProblem(Problem):
    """The file was removed after its time; export anew."""

    status = 410
    code = "export_expired"
    zh = "导出文件已过期，请重新导出"
    en = "The exported file has expired; export anew"


class TooManyExportsProblem(Problem):
    """A person's exports never fill the worker: the next one waits until one of his is done."""

    status = 429
    code = "too_many_exports"
    retry = "after"
    zh = "您有 {limit} 个导出尚未完成，请稍后再试"
    en = "{limit} of your exports are not finished; try again later"


class BoundingBoxProblem(InvalidProblem):
    """A box has its west and south before its east and north; it never crosses the 180th meridian."""

    code = "bounding_box"
    zh = "地图范围有误：西、南边界须小于东、北边界"
    en = "A box has its west before its east, and its south before its north"


class ReportSourceProblem(InvalidProblem):
    """A tip and a transfer bring their reference, a transfer its sender; a whistle becomes a hazard by its handling."""

    code = "report_source"
    zh = "举报、移送须填登记号或文号，移送须填移送机关；吹哨须经处置转为隐患"
    en = "A tip or transfer needs its reference, a transfer its sender; a whistle becomes a hazard by its handling"


class ReportAuthorityProblem(InvalidProblem):
    """A desk registers in the name of its own authority, or of one that has entrusted it."""

    code = "report_authority"
    zh = "只能以本机关或委托本机关的机关名义登记"
    en = "A hazard is registered in the name of one's own authority or of one that has entrusted it"


class DailyLimitProblem(Problem):
    """An invitation reports only so often in a day; `seconds` until the next begins."""

    status = 429
    code = "daily_limit"
    retry = "after"
    zh = "今日上报已达 {most} 次上限，请明日再报；紧急情况请直接联系执法人员"
    en = "The limit of {most} reports a day is reached; go on tomorrow, and call the officers if it is urgent"


class InformantProblem(InvalidProblem):
    """Only tips have informants."""

    code = "informant_not_allowed"
    zh = "只有举报可以登记举报人信息"
    en = "Only a tip has an informant"


class FoundOnProblem(InvalidProblem):
    """What is reported was found in the past."""

    code = "found_on"
    zh = "发现日期不得晚于 {latest}"
    en = "A hazard cannot have been found later than {latest}"


class UnknownUnitProblem(InvalidProblem):
    """The risk unit is none of the site's."""

    code = "unit_not_of_site"
    zh = "风险单元不属于该场所"
    en = "The risk unit is not one of the site's"


class HazardMergedProblem(ConflictProblem):
    """A hazard that was merged into another takes no step of its own; a closed one is not merged."""

    code = "hazard_merged"
    zh = "隐患已合并或已销号，不能执行此操作；请在保留的隐患上办理"
    en = "The hazard is merged into another, or closed; go on with the one that stays"


class DuplicateStateProblem(ConflictProblem):
    """The proposal is settled."""

    code = "duplicate_state"
    zh = "该合并建议当前状态为“{state}”，不能执行此操作"
    en = "The proposed merging is {state}; this is not possible now"


class DuplicateChoiceProblem(InvalidProblem):
    """One of the two stays."""

    code = "duplicate_choice"
    zh = "保留的隐患须为两条之一"
    en = "The hazard that stays is one of the two"


class MergeLevelProblem(ConflictProblem):
    """A major hazard never disappears behind a general one."""

    code = "merge_level"
    zh = "{number} 是重大事故隐患，应予保留"
    en = "{number} is a major hazard: keep that one"


class UndoMajorProblem(ConflictProblem):
    """What was confirmed of hazards that are one is not taken off any of them by parting them."""

    code = "undo_merge_major"
    zh = "合并后 {number} 已认定为重大事故隐患，不能撤销合并；请在保留的隐患上办理"
    en = "{number} was confirmed as major since the merging, which therefore stays; go on with the one that stays"


MergeLoss = Literal["authority", "tip", "item"]
MERGE_LOSSES: dict[MergeLoss, tuple[str, str]] = {
    "authority": ("两条隐患属于不同机关", "The two hazards are different authorities'"),
    "tip": ("举报线索不对外公布，保留它会使另一条从对外数据中消失", "A tip is not published: kept, it would hide the other one"),
    "item": ("保留的隐患没有检查项，将无法识别同一检查项的反复", "Without the other's checklist item its return goes unnoticed"),
}  # fmt: skip


class MergeChoiceProblem(ConflictProblem):
    """The one that stays must be able to stand for the other: `reason` says what would be lost (authority, tip, item), and
    `other_way` whether the other one may stay instead."""

    code = "merge_choice"
    zh = "不能这样合并"
    en = "These are not merged this way"

    def text(self, language: str) -> str:
        zh, en = MERGE_LOSSES[self.params["reason"]]
        if self.params["other_way"]:
            return f"{zh}；请改为保留另一条" if language == "zh" else f"{en}; keep the other one"
        return f"{zh}；不能合并" if language == "zh" else f"{en}; they are not merged"


class MergeClockProblem(ConflictProblem):
    """An order or another period that runs is answered, not made to disappear."""

    code = "merge_period_runs"
    zh = "{number} 有正在计时的期限，应予保留，或待期限办结后再合并"
    en = "A period runs for {number}: keep that one, or merge when it is answered"


class MeasurePeriodProblem(InvalidProblem):
    """No longer than the law allows, and only for what stops production or use."""

    code = "measure_period"
    zh = "措施期限最长 {most} 个月（0 表示该类措施不设期限）"
    en = "A measure of these kinds lasts {most} months at most (0: none is stated for them)"


class PhotographChoiceProblem(InvalidProblem):
    """A report names photographs that were brought for its own hazard, by its own enterprise."""

    code = "photograph_choice"
    zh = "所选照片不是为该隐患上传的"
    en = "Some of these photographs were not brought for this hazard"


class PhotographLimitProblem(ConflictProblem):
    """There is room for so many files of one hazard."""

    code = "photograph_limit"
    retry = "manual"
    zh = "每项隐患最多上传 {most} 个文件"
    en = "At most {most} files can be brought for one hazard"


class NoAuthorityProblem(ConflictProblem):
    """No authority has jurisdiction over the site today: the registers must be put right first."""

    code = "no_authority"
    retry = "manual"
    zh = "该场所目前没有具有管辖权的机关，请联系执法人员"
    en = "No authority has jurisdiction over this site today; speak to the officer"
