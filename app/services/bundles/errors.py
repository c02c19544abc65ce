"""Why a bundle file is refused as a whole, or one object in it."""

from app.core.errors import InvalidProblem, Problem
from app.services.evidence.errors import UndeclaredProblem
from app.services.inspections.errors import QuarantinedProblem, RejectedProblem


class BundleUnreadableProblem(InvalidProblem):
    """Not encrypted to a key of this installation, or damaged on the way; nothing was imported."""

    code = "bundle_unreadable"
    retry = "manual"
    zh = "离线包无法解密：不是发给本系统的文件，或已损坏"
    en = "The bundle cannot be decrypted: it is not for this installation, or it is damaged"


class BundleRefusedProblem(InvalidProblem):
    """What is inside is no bundle that can be trusted to unpack; nothing was imported. `reason` is a stable word."""

    code = "bundle_refused"
    retry = "manual"
    zh = "离线包结构不符合要求（{reason}），未导入任何内容"
    en = "The bundle is not built as it must be ({reason}); nothing was imported"


class BundledPackageProblem(InvalidProblem):
    """The entry of a package is not {sealed, key_id, signature}, or is larger than the ordinary door takes."""

    code = "bundle_package_invalid"
    retry = "manual"
    zh = "离线包中的检查包条目格式有误或过大"
    en = "The package's entry in the bundle is malformed or too large"


class CarriedAsideProblem(QuarantinedProblem):
    """QuarantinedProblem for whoever is not the author: not why."""

    zh = "检查包已保存，但无法处理，等待人工处理"
    en = "The package is stored but cannot be processed; a person decides"


class CarriedRejectedProblem(RejectedProblem):
    """RejectedProblem for whoever is not the author: not why."""

    zh = "检查包经人工审核不予接收"
    en = "A person has rejected the package"


class NoPackageProblem(UndeclaredProblem):
    """A file counts by the package that declares it; that package is neither here nor, taken in, in the bundle."""

    code = "bundle_package_missing"
    zh = "申报该文件的检查包不在系统中，也未随本离线包成功导入"
    en = "The package that declares the file is neither here nor taken in from this bundle"


class NotImportedProblem(Problem):
    """Something went wrong on this side; the rest was gone on with. Importing again tries it again."""

    status = 503
    code = "bundle_object_failed"
    retry = "after"
    zh = "系统暂时无法导入该项，请稍后重新导入"
    en = "This could not be imported for the moment; import the file again later"
