"""The vocabulary of evidence: what an examination can find wrong with a file. It is kept all the same."""

from app.enums.labels import LabelledEnum


class EvidenceFlag(LabelledEnum):
    """Why a file has no reduced copies, or what a reviewer should know of it."""

    DAMAGED = (
        "damaged",
        "文件不完整或已损坏，无法完整解码",
        "Cut short or damaged: it cannot be decoded to its end",
    )
    MISLABELLED = (
        "mislabelled",
        "文件内容与声明的类型或扩展名不符",
        "The content is not of the declared type or extension",
    )
    TOO_MANY_PIXELS = (
        "too_many_pixels",
        "像素数超过上限，未予解码",
        "More pixels than are decoded: it was not decoded",
    )
    TOO_LARGE = (
        "too_large",
        "图片文件过大，未予解码，按原样保存",
        "The picture's file is larger than are decoded; kept as it is",
    )
    UNSUPPORTED = (
        "unsupported",
        "不支持预览的文件类型，按原样保存",
        "A type without preview; kept as it is",
    )
    UNDECODABLE = (
        "undecodable",
        "解码超时或解码程序异常终止，按原样保存",
        "Decoding took too long or ended the decoder; kept as it is",
    )
    ORIGINAL_MISSING = (
        "original_missing",
        "存储中读不到原始文件，请立即核查存储",
        "The original cannot be read from the storage: look into the storage at once",
    )


class ProvenanceCheck(LabelledEnum):
    """What is looked at when a photograph's provenance is judged."""

    SOURCE = "source", "照片来源", "Where the photograph came from"
    EXIF_MISSING = "exif_missing", "拍摄信息（EXIF）", "The camera's own data (EXIF)"
    EXIF_TIME = "exif_time", "EXIF时间与申报拍摄时间", "EXIF time against the declared time"
    CAPTURE_AHEAD_OF_RECEIPT = (
        "capture_ahead_of_receipt",
        "申报拍摄时间与服务器收到时间",
        "Declared time against the server's receipt",
    )
    EXIF_AHEAD_OF_RECEIPT = (
        "exif_ahead_of_receipt",
        "EXIF时间与服务器收到时间",
        "EXIF time against the server's receipt",
    )
    LATE_RECEIPT = "late_receipt", "拍摄到上传的间隔", "From capture to receipt"
    EXIF_SATELLITE_TIME = (
        "exif_satellite_time",
        "EXIF时间与其卫星时间",
        "EXIF time against its own satellite time",
    )
    DEVICE_CLOCK = "device_clock", "手机时钟是否被更改", "Whether the phone's clock was changed"
    MOCK_POSITION = "mock_position", "模拟定位", "Mock position"
    EXIF_POSITION = "exif_position", "EXIF位置与申报位置", "EXIF position against the declared position"
    GEOFENCE = "geofence", "申报位置与场所范围", "Declared position against the site"
    EXIF_GEOFENCE = "exif_geofence", "EXIF位置与场所范围", "EXIF position against the site"
    SOFTWARE = "software", "图像编辑软件", "Editing software"
    SPEED = "speed", "同一手机相邻两次拍摄的速度", "Speed between two captures of one phone"
    DUPLICATE = "duplicate", "与既往照片重复", "The same as an earlier photograph"


class Outcome(LabelledEnum):
    """What a check came to. What is not known is said so; it is no flag."""

    FLAGGED = "flagged", "需要复核", "For a reviewer"
    FINE = "fine", "未见异常", "Nothing found"
    UNKNOWN = "unknown", "无法判断", "Not known"


class EvidenceVerdict(LabelledEnum):
    """What a reviewer holds of a photograph as evidence. The file stays as it is, whatever the verdict."""

    ACCEPTED = "accepted", "采信", "Accepted as evidence"
    DOUBTED = "doubted", "存疑", "Doubted"
    REJECTED = "rejected", "不予采信", "Not relied upon as evidence"
