"""The vocabulary of enterprises: trades under supervision, sizes, grades, what stands on a site, where positions come from."""

from app.enums.labels import LabelledEnum


class RegulatedTrade(LabelledEnum):
    """A trade by which a determination standard applies. Assigned by a person from what is really done on site.

    INDUSTRY_TRADE is the field as a whole, where the branch is not settled yet.
    """

    INDUSTRY_TRADE = "industry_trade", "工贸", "Industry and trade"
    METALLURGY = "metallurgy", "冶金", "Metallurgy"
    NONFERROUS = "nonferrous", "有色", "Non-ferrous metals"
    BUILDING_MATERIALS = "building_materials", "建材", "Building materials"
    MACHINERY = "machinery", "机械", "Machinery"
    LIGHT_INDUSTRY = "light_industry", "轻工", "Light industry"
    TEXTILE = "textile", "纺织", "Textiles"
    TOBACCO = "tobacco", "烟草", "Tobacco"
    COMMERCE = "commerce", "商贸", "Commerce"
    CHEMICALS = "chemicals", "化工和危险化学品", "Chemicals"
    FIREWORKS = "fireworks", "烟花爆竹", "Fireworks"
    TOWN_GAS = "town_gas", "城镇燃气", "Town gas"


class EnterpriseSize(LabelledEnum):
    """The size by the statistical classes."""

    LARGE = "large", "大型", "Large"
    MEDIUM = "medium", "中型", "Medium"
    SMALL = "small", "小型", "Small"
    MICRO = "micro", "微型", "Micro"


class RiskGrade(LabelledEnum):
    """The four colours of graded risk control."""

    RED = "red", "红（重大风险）", "Red (major risk)"
    ORANGE = "orange", "橙（较大风险）", "Orange (considerable risk)"
    YELLOW = "yellow", "黄（一般风险）", "Yellow (moderate risk)"
    BLUE = "blue", "蓝（低风险）", "Blue (low risk)"


class RiskUnitKind(LabelledEnum):
    """What kind of risk a unit on a site is."""

    RTO = "rto", "蓄热式焚烧炉", "Regenerative thermal oxidizer"
    SPRAY_BOOTH = "spray_booth", "喷涂作业间", "Spray booth"
    CONFINED_SPACE = "confined_space", "有限空间", "Confined space"
    HOT_WORK_POINT = "hot_work_point", "动火点", "Hot-work point"
    DUST = "dust", "粉尘涉爆部位", "Combustible dust"
    AMMONIA = "ammonia", "液氨制冷", "Ammonia refrigeration"


class LinkRole(LabelledEnum):
    """What an enterprise is to a site for a time."""

    OPERATOR = "operator", "经营（使用）单位", "Operator"
    LANDLORD = "landlord", "出租方", "Landlord"


class Datum(LabelledEnum):
    """In which system a position was declared. CGCS2000 and WGS-84 agree to centimetres and are taken as one."""

    WGS84 = "wgs84", "WGS-84", "WGS-84"
    CGCS2000 = "cgcs2000", "2000国家大地坐标系", "CGCS2000"
    GCJ02 = "gcj02", "GCJ-02", "GCJ-02"
    BD09 = "bd09", "BD-09", "BD-09"


class ImportStatus(LabelledEnum):
    """Where an import stands. A killed worker leaves it running; the next one goes on after the last finished batch."""

    WAITING = "waiting", "等待处理", "Waiting"
    RUNNING = "running", "处理中", "Running"
    DONE = "done", "已完成", "Done"
    FAILED = "failed", "无法处理", "Failed"


class FieldError(LabelledEnum):
    """What can be wrong with one field of an enterprise, typed at a desk or standing in a cell of a spreadsheet."""

    USCC_WRONG_LENGTH = (
        "uscc_wrong_length",
        "统一社会信用代码应为18位",
        "The credit code must have 18 characters",
    )
    USCC_WRONG_CHARACTER = (
        "uscc_wrong_character",
        "统一社会信用代码含有不允许的字符（不使用 I、O、S、V、Z）",
        "The credit code holds a character it cannot have (I, O, S, V and Z are not used)",
    )
    USCC_WRONG_REGION = (
        "uscc_wrong_region",
        "统一社会信用代码第3至8位应为数字",
        "Characters 3 to 8 of the credit code must be digits",
    )
    USCC_WRONG_CHECK_CHARACTER = (
        "uscc_wrong_check_character",
        "统一社会信用代码校验位不正确",
        "The check character of the credit code is wrong",
    )
    TRADE_FORMAT = (
        "trade_format",
        "行业代码格式不正确（如 C36、C3660）",
        "The trade code must look like C36 or C3660",
    )
    TRADE_DIVISION_UNKNOWN = (
        "trade_division_unknown",
        "行业大类不存在",
        "There is no such division in GB/T 4754",
    )
    TRADE_SECTION_MISMATCH = (
        "trade_section_mismatch",
        "行业门类字母与大类不符",
        "The section letter does not belong to the division",
    )
    TRADE_CLASS_UNKNOWN = (
        "trade_class_unknown",
        "已导入的行业分类中没有该中类或小类",
        "The imported classification has no such group or class",
    )
    PARENT_UNKNOWN = "parent_unknown", "上级单位不存在或无权查看", "The parent is unknown or not visible"
    PARENT_IS_BRANCH = (
        "parent_is_branch",
        "上级单位本身是分支机构",
        "The parent is itself a branch",
    )
    PARENT_IS_SELF = "parent_is_self", "上级单位不能是本单位", "An enterprise cannot be its own parent"
    HAS_BRANCHES = (
        "has_branches",
        "该单位下设分支机构，不能再作为分支机构",
        "An enterprise with branches cannot become a branch",
    )
    KEY_MISSING = (
        "key_missing",
        "缺少统一社会信用代码或替代标识",
        "Neither a credit code nor a substitute mark is given",
    )
    KEY_TWICE = (
        "key_twice",
        "统一社会信用代码和替代标识只能填写一项",
        "Give a credit code or a substitute mark, not both",
    )
    KEY_DUPLICATE = (
        "key_duplicate",
        "本文件中该代码或标识已出现过",
        "The same code or mark stands in an earlier row",
    )
    ELSEWHERE = (
        "elsewhere",
        "该单位已登记在无权管理的区域",
        "This enterprise is registered in a region that you do not manage",
    )
    REGION_UNKNOWN = (
        "region_unknown",
        "区划不存在或无权管理",
        "The region is unknown, or you do not manage it",
    )
    REQUIRED = "required", "必填项为空", "A required cell is empty"
    TOO_LONG = "too_long", "内容过长", "The content is too long"
    BAD_CHARACTER = "bad_character", "含有控制字符", "It holds a control character"
    NOT_A_NUMBER = "not_a_number", "不是有效数字", "Not a number"
    OUT_OF_RANGE = "out_of_range", "数值超出范围", "The number is out of range"
    UNKNOWN_OPTION = "unknown_option", "不是可选值", "Not one of the options"
    UNREADABLE_CELL = "unreadable_cell", "单元格为错误值", "The cell holds an error"
