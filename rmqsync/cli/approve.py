"""`rmqsync approve`: let held changes of a plan go ahead in the next unattended run."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import click

from rmqsync.cli.codes import Exit
from rmqsync.cli.options import Common, common, emit_findings, guard_option, option, session
from rmqsync.cli.output import agreed, out, progress, say, wants_color

if TYPE_CHECKING:
    from rmqsync.app.plan import Planned
    from rmqsync.model.approvals import Approval
    from rmqsync.wiring import Session


@click.command("approve")
@click.argument("cluster")
@click.argument("addresses", nargs=-1)
@option("--reason", help="Shown with the run that goes by it.")
@option(
    "--for",
    "length",
    metavar="DURATION",
    help="Such as 2h; default: 1d, or until the next window is over if later.",
)
@option("--fingerprint", metavar="HEX", help="Only if the plan is still the one of this print.")
@option("--revoke", is_flag=True, help="Take back what was approved and not used yet.")
@guard_option("--auto-approve", is_flag=True, help="Do not ask; name the addresses then.")
@option("--who", metavar="NAME", help="Who approves; default: user@host.")
@common
def command(
    shared: Common,
    cluster: str,
    addresses: tuple[str, ...],
    reason: str | None,
    length: str | None,
    fingerprint: str | None,
    revoke: bool,
    auto_approve: bool,
    who: str | None,
) -> int:
    """
    Let held changes of CLUSTER go ahead: those of ADDRESSES, or all that can be approved.

    Counts for one run, and only while the plan stays as it is shown here.
    """
    from rmqsync.cli.standing import end_of
    from rmqsync.model.errors import InvalidDefinitions, UsageError
    from rmqsync.wiring_history import Approvals

    if auto_approve and not addresses and not revoke:
        raise click.UsageError("--auto-approve goes with the addresses that are to be approved")
    with session(shared) as opened:
        store = Approvals(opened)
        name = opened.name(cluster)
        if revoke:
            if addresses:
                raise UsageError("--revoke takes back all approvals of the cluster; no addresses")
            number = store.revoke(name)
            out(f"Approvals of cluster '{name}' taken back: {number}.\n")
            return Exit.DONE
        until = end_of(length) or _end(opened, name)
        try:
            planned = _planned(opened, name, shared)
        except InvalidDefinitions as error:
            return emit_findings(shared, error)
        approval = _approval(planned, addresses, fingerprint, who, reason, until)
        if approval is None:
            out(f"Cluster '{name}' has no held change that can be approved.\n")
            return Exit.DONE
        _show(shared, planned)
        if not auto_approve and not agreed(
            f"Let {', '.join(approval.addresses)} go ahead in the next run?"
        ):
            return Exit.FAILED
        store.add(approval)
    out(f"Approved until {approval.until}, for one run: {', '.join(approval.addresses)}.\n")
    return Exit.DONE


def _planned(opened: Session, name: str, shared: Common) -> Planned:
    """Plan as an unattended run would, without any approval. Raises where that fails."""
    from rmqsync.app.plan import plan_clusters
    from rmqsync.model.changes import Status
    from rmqsync.model.errors import SourceError, UsageError
    from rmqsync.run_options import RunOptions

    target = opened.target(name, RunOptions(timeout_s=shared.timeout))
    if not target.writable:
        raise UsageError(
            f"cluster '{name}' is a file or has mode: report; nothing is applied there"
        )
    with progress(shared.quiet) as shown:
        (planned,) = plan_clusters([target], opened.memory, progress=shown)
    if planned.plan.status is not Status.OK:
        raise SourceError(planned.plan.error or f"cluster '{name}' cannot be planned")
    return planned


def _end(opened: Session, name: str) -> str:
    """Return when an approval ends where nobody says."""
    from datetime import UTC, datetime

    from rmqsync.daemon.timing import Windows
    from rmqsync.model.times import stamp

    windows = Windows(opened.settings.clusters[name].windows)
    return stamp(windows.approved_until(datetime.now(UTC)))


def _approval(
    planned: Planned,
    addresses: tuple[str, ...],
    fingerprint: str | None,
    who: str | None,
    reason: str | None,
    until: str,
) -> Approval | None:
    from rmqsync.app.approvals import unfit
    from rmqsync.app.marking import now
    from rmqsync.cli.standing import user
    from rmqsync.model.approvals import Approval
    from rmqsync.model.errors import StalePlan, UsageError
    from rmqsync.planning.approvals import approvable

    plan = planned.plan
    if fingerprint is not None and fingerprint != plan.fingerprint:
        raise StalePlan(f"{plan.name}: the plan is not the one of that fingerprint any more")
    problems = unfit(plan, addresses)
    if problems:
        raise UsageError("\n".join(problems))
    chosen = tuple(dict.fromkeys(addresses)) or approvable(plan)
    if not chosen:
        return None
    assert plan.fingerprint is not None
    return Approval(
        id=str(uuid.uuid4()),
        cluster=plan.name,
        fingerprint=plan.fingerprint,
        addresses=chosen,
        who=who or user(),
        reason=reason,
        at=now(),
        until=until,
    )


def _show(shared: Common, planned: Planned) -> None:
    import sys

    from rmqsync.cli.carry_out import plan_of
    from rmqsync.report.formats import Format, render
    from rmqsync.report.plan_json import plan_document

    document = plan_document(plan_of([planned]))
    color = wants_color(shared.color, sys.stderr)
    say(render(Format.TEXT, document, color=color, verbose=shared.verbose > 0))
