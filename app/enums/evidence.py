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
