"""The `anshao` command. Thin: each command opens what it needs, calls one function, says what happened and how it ended."""

import gc

gc.disable()  # until main(): what is loaded stays, and looking through it for garbage took a tenth of every start

import asyncio
import json
import signal
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer

from app.config import Settings
from app.core.clock import utc_now
from app.core.errors import Problem
from app.db.embedded import EmbeddedRefused
from app.db.engine import UnsafeServer
from app.db.migrate import TableInUse, newest_revision
from app.demo.console import StoryFailed
from app.doctor.examination import examine
from app.enums.enterprises import FieldError
from app.http.logs import configure_logs
from app.jobs.relay import renew_epoch
from app.models.enterprises import EnterpriseImport, EnterpriseImportError
from app.schemas.bundles import BundleReport
from app.services.audit.checkpoints import read_checkpoints
from app.services.audit.verify import AuditReport, verify_audit
from app.services.bundles.importing import import_bundle_file
from app.services.bundles.keys import BundleKeys
from app.services.checklists.loading import Loaded, load_shipped_checklists
from app.services.determinations.holding import hold_published
from app.services.determinations.recheck import Recheck, recheck_visits
from app.services.enterprises.commands import import_file
from app.services.enterprises.import_reports import column_label
from app.services.enterprises.trade_import import TradesLoaded, load_trades
from app.services.hazards.folding import recount
from app.services.identity.keys import ANNOUNCED_BEFORE, PURPOSES, KeyRing
from app.services.identity.passwords import MIN_LENGTH
from app.services.identity.service import create_first_administrator
from app.services.inspections.receipt_check import KeysUnreadable
from app.services.inspections.receipt_files import (
    check_files,
    find_keys_file,
    load_keys,
    source_in_full,
    told_as_json,
)
from app.services.organizations.numbering import skip_numbers
from app.services.runtime import open_runtime
from app.serving import bring_up_to_date, database_address, serve_api, work

cli = typer.Typer(
    name="anshao",
    help="安哨 Anshao",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
admin = typer.Typer(help="管理员 · Administrators", no_args_is_help=True)
keys = typer.Typer(help="签名密钥 · Signing keys", no_args_is_help=True)
verify = typer.Typer(help="核验 · Verification", no_args_is_help=True)
content = typer.Typer(help="随程序发布的内容 · Content shipped with the program", no_args_is_help=True)
feed = typer.Typer(help="变更流 · The change feed", no_args_is_help=True)
imports = typer.Typer(help="导入 · Imports", no_args_is_help=True)
cli.add_typer(admin, name="admin")
cli.add_typer(keys, name="keys")
cli.add_typer(verify, name="verify")
cli.add_typer(feed, name="feed")
cli.add_typer(content, name="content")
cli.add_typer(imports, name="import")


def main() -> None:
    """The entry of the `anshao` command: expected refusals end with a sentence and status 1, not with a traceback."""
    signal.signal(signal.SIGTERM, _leave)
    gc.collect()
    gc.freeze()
    gc.enable()
    try:
        cli()
    except (EmbeddedRefused, UnsafeServer, TableInUse) as refusal:
        _fail(str(refusal))
    except Problem as problem:
        _fail(f"{problem.text('zh')} / {problem.text('en')}")


def _leave(*_: object) -> None:
    """SIGTERM unwinds like an ordinary end, so that the embedded database is let go."""
    raise SystemExit(0)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise SystemExit(1)


@cli.command()
def serve(
    with_worker: Annotated[bool, typer.Option(help="同时运行后台任务 · Run a worker beside the API")] = False,
) -> None:
    """升级数据库并启动接口服务 · Bring the database up to date and serve the API."""
    settings = Settings()
    configure_logs(settings.log_level)
    serve_api(settings, with_worker=with_worker)


@cli.command()
def demo(
    serve: Annotated[bool, typer.Option(help="演示后继续提供服务 · Go on serving afterwards")] = True,
    accounts: Annotated[
        Path | None, typer.Option(help="把账号写入此文件 · Also write the accounts to this file, as JSON")
    ] = None,
) -> None:
    """建立示例城市并走完现场检查主流程 · Make a sample city, run the main job through HTTP, then serve."""
    from app.demo.run import run_demo  # servers and workers need neither the story nor its phones

    try:
        run_demo(Settings(), serve_on=serve, accounts=accounts)
    except (StoryFailed, httpx.HTTPError) as failure:
        _fail(str(failure))
    except KeyboardInterrupt:
        typer.echo("已停止 / stopped")


@cli.command()
def worker(while_stdin_is_open: Annotated[bool, typer.Option(hidden=True)] = False) -> None:
    """运行后台任务：队列、变更流、审计封签 · Run a worker: jobs, the change feed's relay, audit sealing."""
    settings = Settings()
    configure_logs(settings.log_level)
    work(settings, while_stdin_is_open=while_stdin_is_open)


@cli.command()
def migrate() -> None:
    """升级数据库结构 · Bring the database to the newest schema."""
    settings = Settings()
    with database_address(settings) as address:
        bring_up_to_date(settings, address)
    typer.echo(f"数据库结构 / schema: {newest_revision()}")


@admin.command("create")
def create_admin(
    login: Annotated[str, typer.Option(prompt="登录名 / login")],
    name: Annotated[str, typer.Option(prompt="姓名 / name")],
    city_code: Annotated[str, typer.Option(prompt="城市行政区划代码 / city code (GB/T 2260)")],
    city_name: Annotated[str, typer.Option(prompt="城市名称 / city name")],
    authority_name: Annotated[str, typer.Option(prompt="机关名称 / authority name")],
    password_stdin: Annotated[
        bool, typer.Option(help="从标准输入读取口令 · Read the password from stdin")
    ] = False,
) -> None:
    """在空系统上建立城市、机关和首位管理员 · On an empty installation: the city, its bureau, the first administrator."""
    password = (
        sys.stdin.readline().rstrip("\n")
        if password_stdin
        else typer.prompt("口令 / password", hide_input=True, confirmation_prompt=True)
    )
    if len(password) < MIN_LENGTH:
        _fail(f"口令至少 {MIN_LENGTH} 个字符 / the password needs {MIN_LENGTH} characters at least")

    async def create() -> None:
        async with open_runtime(Settings()) as runtime, runtime.database.write() as session:
            await create_first_administrator(
                session,
                login=login,
                name=name,
                password=password,
                city_code=city_code,
                city_name=city_name,
                authority_name=authority_name,
            )

    asyncio.run(create())
    typer.echo(f"已建立管理员 / created administrator: {login}")


@keys.command("rotate")
def rotate_key(purpose: Annotated[str, typer.Argument(help=" | ".join((*PURPOSES, "bundles")))]) -> None:
    """启用新的签名密钥，旧密钥继续用于验签 · Sign with a new key, announced two minutes ahead; old ones go on verifying."""
    if purpose == "bundles":
        for authority_id, recipient in BundleKeys(Settings().resolved_keys_dir).rotate_all().items():
            typer.echo(f"{authority_id}: {recipient}")
        return
    for known in PURPOSES:
        if known == purpose:
            key = KeyRing(Settings().resolved_keys_dir).rotate(known, utc_now() + ANNOUNCED_BEFORE)
            typer.echo(f"{known}: {key.id}  {key.valid_from:%Y-%m-%dT%H:%M:%SZ} 起签名 / signs from then on")
            return
    _fail(f"未知用途 / unknown purpose: {purpose}. {' | '.join(PURPOSES)} | bundles")


@verify.command("audit")
def verify_audit_log() -> None:
    """核验审计日志：逐条比对封签、签名与库外检查点 · Check every entry, seal, signature and checkpoint of the audit log."""
    settings = Settings()

    async def check() -> AuditReport:
        # read before the snapshot is taken: a checkpoint written meanwhile would look like a cut tail
        checkpoints, unreadable = read_checkpoints(settings.resolved_checkpoints_dir)
        async with open_runtime(settings) as runtime, runtime.database.snapshot() as session:
            return await verify_audit(session, runtime.keys, checkpoints, unreadable)

    report = asyncio.run(check())
    for finding in report.findings:
        typer.echo(f"{finding.kind}  {finding.place}  {finding.zh} / {finding.en}")
    typer.echo(
        f"已封签 / sealed entries: {report.entries}  封签 / seals: {report.seals}  检查点 / checkpoints: "
        f"{report.checkpoints}  待封签 / unsealed: {report.unsealed} (最早 / oldest {report.oldest_unsealed_at})  "
        f"迟封 / sealed late: {report.late}"
    )
    if not report.is_sound:
        _fail("审计日志不完整 / the audit log is NOT sound")
    typer.echo("审计日志完整 / the audit log is sound")


@verify.command("determinations")
def verify_determinations() -> None:
    """按当时有效的标准重新判定历次检查，结果须与留存一致 · Judge every past visit again by the rules of its day."""

    async def check() -> Recheck:
        async with open_runtime(Settings()) as runtime, runtime.database.snapshot() as session:
            await hold_published(session)
            return await recheck_visits(session)

    found = asyncio.run(check())
    for visit_id in found.different:
        typer.echo(f"{visit_id}  判定结果不一致 / something else is said now")
    for visit_id in found.unheld:
        typer.echo(f"{visit_id}  所用标准版本已不在程序中 / its version of the standard is not held any more")
    typer.echo(f"检查 / visits: {found.visits}")
    if found.different or found.unheld:
        _fail("与留存的判定不一致 / NOT the same as it was")
    typer.echo("与留存的判定一致 / the same as it was")


@verify.command("receipt")
def verify_receipts(
    files: Annotated[list[Path], typer.Argument(help="回执文件或文件夹 · Receipt files, or folders of them")],
    keys: Annotated[
        str | None,
        typer.Option(
            help="已公布的密钥：文件或 https 地址（默认回执旁的 keys.json）· The published keys, a file or an address"
        ),
    ] = None,
    package: Annotated[
        list[Path] | None,
        typer.Option(help="须有回执记载的检查包 · A sealed package that a receipt must name"),
    ] = None,
    evidence: Annotated[
        list[Path] | None, typer.Option(help="须有回执记载的证据文件 · A file that a receipt must name")
    ] = None,
    originals: Annotated[
        Path | None,
        typer.Option(
            help="回执记载的原件须全部在此文件夹 · A folder in which everything the receipts name must lie",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="以 JSON 输出结果 · Say everything as one JSON document")
    ] = False,
) -> None:
    """核验回执：签名、密钥有效期、哈希链、原件；无须服务器 · Check receipts from the published keys alone, offline."""
    source = keys or find_keys_file(files)
    if source is None:
        _fail(
            "未找到密钥，请用 --keys 指定 /public/v1/keys 的文件或地址 / give the published keys with --keys"
        )
    try:
        report, matches = check_files(
            files,
            load_keys(str(source)),
            packages=package or (),
            evidence=evidence or (),
            originals=originals,
        )
    except KeysUnreadable as unreadable:
        _fail(str(unreadable))
    if as_json:
        typer.echo(json.dumps(told_as_json(report, matches, str(source)), ensure_ascii=False, indent=2))
        raise SystemExit(0 if report.is_sound else 1)
    typer.echo(f"采信的密钥 / keys trusted, from {source_in_full(str(source))}:")
    for key in report.trusted:
        until = f"{key.valid_until:%Y-%m-%dT%H:%M:%S%z}" if key.valid_until else "…"
        typer.echo(
            f"  {key.purpose} {key.id}  {key.valid_from:%Y-%m-%dT%H:%M:%S%z} – {until}  "
            f"有效签名 / signatures that hold: {report.signatures[key]}"
        )
        typer.echo(f"    {key.fingerprint}")
    for match in matches:
        typer.echo(f"✓ {match.name}  =  {match.kind} {match.id}  ({match.receipt})")
    for finding in report.findings:
        typer.echo(f"✗ {finding.kind}  {finding.place}  {finding.zh} / {finding.en}")
    for device, numbers in report.chains.items():
        typer.echo(f"终端 / device {device}: 回执 / receipts {len(numbers)} ({numbers[0]}–{numbers[-1]})")
    if not report.is_sound:
        _fail(f"核验未通过 / NOT sound: {len(report.findings)}")
    typer.echo(f"核验通过 / sound: {len(report.receipts)}")


_SIGNS = {"good": "✓", "doubtful": "!", "wrong": "✗", "optional": "–"}


@cli.command()
def doctor() -> None:
    """检查本机：哪里不对、怎样解决 · Say what is wrong with this machine and how to mend it (status 1 if anything is)."""
    found = examine(Settings())
    for one in found:
        typer.echo(f"{_SIGNS[one.state]} {one.zh} / {one.en}: {one.detail}")
        if one.state != "good" and one.mend:
            typer.echo(f"    → {one.mend}")
    wrong = sum(one.state == "wrong" for one in found)
    if wrong:
        _fail(f"{wrong} 处必须解决 / {wrong} to mend before the service can run")
    typer.echo("可以运行 / ready to run")


class _Audience(StrEnum):
    CONSOLE = "console"
    MOBILE = "mobile"
    PARTNER = "partner"
    ENTERPRISE = "enterprise"
    PUBLIC = "public"


@cli.command()
def openapi(audience: Annotated[_Audience, typer.Argument(help="接口对象 · Whose API")]) -> None:
    """输出一类接口的 OpenAPI 3.1 文档 · Print the OpenAPI 3.1 document of one audience."""
    from app.routers.reference import document_of  # no other command needs the doors

    typer.echo(json.dumps(document_of(audience), ensure_ascii=False, indent=2))


@content.command("load")
def load_content() -> None:
    """导入随程序发布的检查表；重复导入不产生变化 · Bring in the shipped checklists; doing it again changes nothing."""

    async def load() -> list[Loaded]:
        async with open_runtime(Settings()) as runtime, runtime.database.write() as session:
            return await load_shipped_checklists(session)

    for one in asyncio.run(load()):
        state = "未变 / unchanged" if one.change == "unchanged" else "已发布 / published"
        typer.echo(f"{one.code}  第 {one.number} 版  {state}  {one.content_hash}")


@cli.command("recount")
def recount_hazards() -> None:
    """重新统计隐患台账 · Count the hazard registry anew; needed only after rows were changed by hand."""

    async def count() -> int:
        async with open_runtime(Settings()) as runtime, runtime.database.write() as session:
            return await recount(session)

    typer.echo(f"已重新统计 {asyncio.run(count())} 条隐患 / hazards counted anew")


@imports.command("enterprises")
def import_enterprises(
    file: Annotated[Path, typer.Argument(help="XLSX 或 CSV", exists=True, dir_okay=False)],
    login: Annotated[
        str, typer.Option("--as", help="以该用户的权限导入 · The user in whose name and with whose rights")
    ],
    dry_run: Annotated[bool, typer.Option(help="只检查，不写入 · Only check")] = False,
) -> None:
    """导入单位；重复导入只更新不重复 · Import enterprises; doing it again updates and never duplicates."""

    async def run() -> tuple[EnterpriseImport, list[EnterpriseImportError]]:
        async with open_runtime(Settings()) as runtime:
            return await import_file(runtime, file, login, is_dry_run=dry_run, say=typer.echo)

    done, errors = asyncio.run(run())
    for error in errors:
        said = FieldError(error.code)
        typer.echo(
            f"第 {error.row} 行 / row {error.row}  {column_label(error.column)}  {said.zh} / {said.en}"
        )
    typer.echo(
        f"新增 / created: {done.rows_created}  更新 / updated: {done.rows_updated}  "
        f"未变 / unchanged: {done.rows_unchanged}  失败 / failed: {done.rows_failed}"
    )
    if done.failure or done.rows_failed:
        _fail(done.failure or "部分行未导入 / some rows were not imported")


@imports.command("trades")
def import_trades(
    file: Annotated[Path, typer.Argument(help="XLSX 或 CSV：代码、名称", exists=True, dir_okay=False)],
    edition: Annotated[str, typer.Option(help="分类版本 · The edition of the classification")],
) -> None:
    """导入国民经济行业分类的中类、小类 · Import the groups and classes of GB/T 4754."""

    async def run() -> TradesLoaded:
        async with open_runtime(Settings()) as runtime, runtime.database.write() as session:
            return await load_trades(session, file.read_bytes(), edition)

    done = asyncio.run(run())
    typer.echo(
        f"新增 / added: {done.added}  更名 / renamed: {done.renamed}  移除 / removed: {done.removed}  "
        f"未变 / unchanged: {done.unchanged}"
    )


@imports.command("bundle")
def import_bundles(
    files: Annotated[list[Path], typer.Argument(help="*.anshao-bundle", exists=True, dir_okay=False)],
) -> None:
    """导入离线包；可重复导入 · Import bundle files of phones; doing it again is harmless."""

    async def run(file: Path) -> BundleReport:
        async with open_runtime(Settings()) as runtime:
            async with runtime.database.read() as session:
                await hold_published(session)
            return await import_bundle_file(runtime, file, say=_tell_progress)

    is_whole = True
    for file in files:
        try:
            report = asyncio.run(run(file))
        except Problem as problem:
            typer.echo(f"{file}: {problem.text('zh')} / {problem.text('en')}", err=True)
            is_whole = False
            continue
        typer.echo(f"{file}  {report.hash}")
        for one in report.results:
            said = f"  {one.code}  {one.zh} / {one.en}" if one.code else ""
            typer.echo(f"  {one.kind}  {one.id}  {one.status}{said}")
        counts = Counter(one.status for one in report.results)
        typer.echo(
            f"  新收 / accepted: {counts['accepted']}  已有 / known: {counts['known']}  收件待定 / custody: {counts['custody']}  "
            f"待人工 / set aside: {counts['set_aside']}  拒收 / refused: {counts['refused']}"
        )
        is_whole = is_whole and not counts["refused"]
    if not is_whole:
        _fail("部分内容未导入 / not everything was imported")


def _tell_progress(done: int, total: int) -> None:
    if done % 50 == 0 and done < total:
        typer.echo(f"  {done}/{total}", err=True)


@feed.command("renew")
def renew_feed(
    skip: Annotated[
        int,
        typer.Option(
            "--skip-numbers",
            min=0,
            help="每个序列跳过的文号数 · Numbers to leave out of each series: more than were given since the backup",
        ),
    ] = 1000,
) -> None:
    """恢复备份后：开启新的变更流纪元并跳过文号 · After putting a backup back: a new epoch, and no number is given twice."""

    async def renew() -> int:
        async with open_runtime(Settings()) as runtime, runtime.database.write() as session:
            await renew_epoch(session)
            return await skip_numbers(session, skip) if skip else 0

    series = asyncio.run(renew())
    typer.echo("已开启新纪元 / a new epoch began")
    typer.echo(f"{series} 个文号序列各跳过 {skip} 号 / {skip} numbers left out of each of {series} series")


if __name__ == "__main__":
    main()
