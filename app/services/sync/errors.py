"""Refusals of the synchronisation."""

from app.core.errors import Problem


class SyncCursorProblem(Problem):
    """The cursor is damaged, or was given to another user, another device or for another collection."""

    status = 400
    code = "sync_cursor_invalid"
    retry = "manual"
    zh = "同步游标无效，请从头同步该集合；待上传的数据不受影响"
    en = "The cursor is not valid here; pull this collection from the beginning. What waits to be sent is not touched"


class ResyncProblem(Problem):
    """What the cursor counts from is no more (a restore, new content): the collection is pulled anew, the outbox stays."""

    status = 410
    code = "resync_required"
    retry = "now"
    zh = "服务器数据已更换，请从头同步该集合；待上传的数据不受影响"
    en = "The server's data has been replaced; pull this collection from the beginning. What waits to be sent is not touched"


class PageTooLargeProblem(Problem):
    """Documents of this collection are big: a page holds fewer of them."""

    status = 422
    code = "sync_page_too_large"
    zh = "该集合每页最多 {limit} 条"
    en = "A page of this collection holds {limit} documents at most"


class TooManyStreamsProblem(Problem):
    """The device, the user or this process has as many streams open as it may; pulling works all the same."""

    status = 429
    code = "too_many_streams"
    retry = "after"
    zh = "打开的推送连接过多，请在 {seconds} 秒后重试；拉取不受影响"
    en = "Too many streams are open; try again in {seconds} seconds. Pulling works all the same"
