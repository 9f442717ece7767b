"""`--data`: a command over rows of a file or a pipe, its options, and the way of a row from input to output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import ROWS, Job, place, refuse, refused
from adcli.errors import AdcliError, DataError, UsageError

if TYPE_CHECKING:
    from adcli.api.batch import Batch, BatchResult
    from adcli.api.bindings import Binding
    from adcli.data.block import Block
    from adcli.data.stream import Stream
    from adcli.data.write import Writer
    from adcli.engines.flags import Flag

PART = 0.2  # seconds that rows may take before something is written
OWN = ("source", "delimiter", "keep_going", "only_results", "prefix", "jobs")


def given(job: Job) -> bool:
    """Whether the command runs over rows; its options without --data are mistakes."""
    options = job.options
    if options.get("data") is not None:
        return True
    stray = next((name for name in OWN if options.get(name)), None) or ("decimal" if options.get("decimal") == "," else None)
    if stray is not None:
        shown = "--from" if stray == "source" else "--" + stray.replace("_", "-")
        raise UsageError(f"{shown} goes with --data", help="--data FILE or --data - gives rows")
    if options.get("to") in ("tsv", "jsonl", "npy", "parquet"):
        raise UsageError(f"--to {options['to']} goes with --data", help="one result is text, json, csv or markdown")
    return False


def run(job: Job, kind: str, **choices: Any) -> None:
    """Run the command over the rows of --data. choices: what `Batch` takes: wrt, of, mode; along as the words of --along."""
    from adcli.data.regular import load_ahead
    from adcli.data.stream import Stream

    check(job)
    stream = Stream(job.options["data"])
    try:
        load_ahead(stream)
        Run(job, kind, choices, stream).finish()
    finally:
        stream.close()


def check(job: Job) -> None:
    """Options that do not go together."""
    options = job.options
    if options.get("get") is not None:
        raise UsageError("--get is of one result, and --data gives a table", help="--only-results leaves the results alone")
    if options.get("to") in ("text", "markdown"):
        raise UsageError(f"--data does not go with --to {options['to']}", help=f"rows are written as {', '.join(ROWS)}")
    check_input(job)


def check_input(job: Job) -> None:
    """The same of what says how data are read."""
    options = job.options
    delimiter = options["delimiter"] = "\t" if options.get("delimiter") == "\\t" else options.get("delimiter")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in "\"\n\r" or delimiter == options.get("decimal")):
        raise UsageError("--delimiter takes one character, which is neither a quote nor the decimal sign", help="such as ';' or '|'")
    if options["data"] == "-" and "-" in (*options.get("words", ()), *options.get("files", ())):
        raise UsageError("the program and the data cannot both come from standard input", help="give one of them as a file")
    target, data = options.get("target"), options["data"]
    # A regular file is replaced at the end, a link is written in place.
    if target and os.path.islink(target) and os.path.exists(target) and os.path.exists(data) and os.path.samefile(target, data):
        raise UsageError(f"{target} is a link to the data, which would be written over as they are read", help="write to another file")


class Run:
    """One run over rows."""

    def __init__(self, job: Job, kind: str, choices: dict[str, Any], stream: Stream) -> None:
        from adcli.cli.progress import Progress
        from adcli.data.formats import chosen, reader

        self.job = job
        self.options = job.options
        self.program = job.program()
        at = job.point(self.program)
        if "along" in choices:
            choices["along"] = job.direction(self.program, choices["along"])
        self.stream = stream
        self.format = chosen(self.options["data"], stream, self.options.get("source"))
        unbound = [item.name for item in self.program.inputs if item.name not in at]
        delimiter = self.options.get("delimiter")
        self.reader = reader(stream, self.format, unbound, delimiter, self.options.get("decimal", "."))
        self.bindings = self._bindings(at)
        self.batch = self._batch(kind, at, choices) if self.bindings is not None else None
        self.progress = Progress(stream, job)
        self.flags: dict[Flag, int] = {}
        self.rows = self.failed = 0
        self.step = 256
        self.error: AdcliError | None = None
        limit = self.program.limits.timeout
        self.end = None if limit is None else perf_counter() + limit

    def _bindings(self, at: Mapping[str, Any]) -> dict[str, Binding] | None:
        """Which columns the inputs take; None where there are no rows that could tell."""
        from adcli.api.bindings import bindings

        if self.format in ("jsonl", "json") and not self.reader.columns:
            return None
        return bindings(self.program, self.reader.columns, at, self.reader.place.name)

    def _batch(self, kind: str, at: Mapping[str, Any], choices: dict[str, Any]) -> Batch:
        from adcli.api.batch import Batch

        assert self.bindings is not None
        jobs = self.options.get("jobs") or os.cpu_count() or 1
        engine = self.options.get("engine") or "auto"
        if self.options.get("strict"):
            refuse(refused(self.job.flags), self.program.source)
        varying = {name: binding.shape for name, binding in self.bindings.items()}
        strict = bool(self.options.get("strict"))
        return Batch(self.program, kind, varying, at, engine=engine, jobs=jobs, strict=strict, **choices)

    def finish(self) -> None:
        """Read, compute and write; then the summary, and the error that stopped it or the exit code for failed rows."""
        from adcli.cli.streams import is_file, open_output
        from adcli.data.pipeline import Behind

        names = self._names()
        try:
            with open_output(self.options.get("target")) as put:
                writer = self._writer(put)
                writer.begin(names)
                # A thread that waits for a pipe could not be ended.
                with Behind(is_file(self.options.get("target"))) as self.behind:
                    self._through(writer)
                if self.error is not None and self.options.get("target") not in (None, "-"):
                    raise self.error  # what was there stays
                if self.error is None:
                    writer.end()
        except AdcliError as error:
            self.error = error
        finally:
            self.progress.end()
        self._summary()
        if self.error is not None:
            raise self.error
        if self.failed:
            raise click.exceptions.Exit(1)

    def _names(self) -> list[str]:
        """The names of the new columns, none of them there already."""
        prefix = self.options.get("prefix") or ""
        names = [prefix + name for name in (self.batch.names if self.batch is not None else [])]
        self.error_name = prefix + "error" if self.options.get("keep_going") else None
        added = [*names, *([self.error_name] if self.error_name else [])]
        taken = set() if self.options.get("only_results") else {*self.reader.columns, *getattr(self.reader, "fields", ())}
        twice = next((name for name in added if added.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"two columns of the results would be called '{twice}'", help="call the output or the input otherwise")
        clash = next((name for name in added if name in taken), None)
        if clash is not None:
            hint = "--prefix p_ puts p_ before the new names; --only-results leaves the data's columns out"
            raise UsageError(f"the results have a column '{clash}', and the data have one, too", help=hint)
        self.names = names
        return added

    def _writer(self, put: Callable[[bytes | memoryview], object]) -> Writer:
        from adcli.data.write import writer

        to = self._to()
        delimiter = self.options.get("delimiter") if to == self.format or self.format not in ("csv", "tsv") else None
        decimal = self.options.get("decimal", ".") if to in ("csv", "tsv") else "."
        return writer(put, to, self.reader, bool(self.options.get("only_results")), delimiter, decimal)

    def _to(self) -> str:
        """The format of the output: --to, --json, the suffix of -o, or that of the data."""
        from adcli.data.formats import by_suffix

        to: str | None = self.options.get("to")
        if self.options.get("json"):
            if to not in (None, "json"):
                raise UsageError(f"--json and --to {to} ask for different formats", help="leave one of them out")
            return "json"
        target = self.options.get("target")
        return to or (by_suffix(target) if target else None) or self.format

    def _through(self, writer: Writer) -> None:
        """Block after block, until the data end or a row stops the run."""
        from adcli.engines.limits import timeout_error

        if self.bindings is None:
            return
        wanted = {name: binding.kind for binding in self.bindings.values() for name in binding.columns}
        worked_off = 0  # bytes of the blocks before
        with closing(self.reader.blocks(wanted)) as blocks:
            while self.error is None:
                try:
                    block = next(blocks, None)
                except DataError as error:
                    self.error = error
                    return
                if block is None:
                    return
                taken, before = self.stream.taken, self.rows
                for part in self._parts(block):
                    self._block(part, writer)
                    if self.end is not None and perf_counter() > self.end and self.error is None:
                        self.error = timeout_error(self.program.limits)
                    if self.error is not None:
                        return
                    share = min((self.rows - before) / block.count, 1.0)
                    self.progress.show(self.rows, round(worked_off + (taken - worked_off) * share))
                worked_off = taken

    def _parts(self, block: Block) -> Iterator[Block]:
        """A block in parts that take a fifth of a second or so: rows that are slow come out as they are done."""
        at = 0
        while at < block.count:
            count = min(self.step, block.count - at)
            start = perf_counter()
            yield block if count == block.count else block.part(at, at + count)
            at += count
            if count == self.step:
                self.step = max(16, int(count * min(8.0, PART / (perf_counter() - start))))

    def _block(self, block: Block, writer: Writer) -> None:
        """One block: what failed is told in its row with --keep-going; otherwise the first failure is the end."""
        from adcli.data.write import Results

        keep_going = self.options.get("keep_going")
        if block.bad and not keep_going:
            row = min(block.bad)
            self.error, block = block.bad[row], block.part(0, row)
        done = self._run(block)
        failed = self._failures(block, done)
        if failed and not keep_going:
            row = min(failed)
            self.error, block = failed[row], block.part(0, row)
            done, failed = self._run(block), {}
        self._note(block, done)
        self.rows += block.count
        self.failed += len(failed)
        if block.count:
            said = {row: error.message for row, error in failed.items()}
            results = Results(self.names, done.columns, said, self.error_name, self.options.get("digits"))
            self.behind.call(lambda: writer.write(block, results))

    def _run(self, block: Block) -> BatchResult:
        """The results of a block; its bad rows are not run and have zeros."""
        assert self.batch is not None and self.bindings is not None
        values = {name: binding.values(block.columns, block.count) for name, binding in self.bindings.items()}
        if not block.bad:
            return self.batch.run(values, block.count)
        import numpy as np

        good = np.array([row for row in range(block.count) if row not in block.bad], int)
        done = self.batch.run({name: value[good] for name, value in values.items()}, len(good))
        columns = [np.zeros(block.count, column.dtype) for column in done.columns]
        for whole, part in zip(columns, done.columns, strict=True):
            whole[good] = part
        done.columns = columns
        done.failed = {int(good[row]): error for row, error in done.failed.items()}
        return done

    def _failures(self, block: Block, done: BatchResult) -> dict[int, AdcliError]:
        """The error of each row that has one, with its place."""
        where = self.reader.place
        found: dict[int, AdcliError] = dict(block.bad)
        for row, error in done.failed.items():
            error.message = f"{where.name}, {where.unit} {block.places[row]}: {error.message}"
            found[row] = error
        if self.options.get("strict"):
            from adcli.api.batch import refused

            for row, flag in block.notes:
                told = flag._replace(message=f"{where.unit} {block.places[row]}: {flag.message}")
                found.setdefault(row, refused([told]))
        return found

    def _note(self, block: Block, done: BatchResult) -> None:
        """Count the flags of rows, and of the numbers as they were read."""
        found = dict(done.flags)
        for row, flag in block.notes:
            if row not in block.bad:
                found[flag] = found.get(flag, 0) + 1
        for flag, count in found.items():
            known = next((f for f in self.flags if (f.code, f.op, f.span) == (flag.code, flag.op, flag.span)), flag)
            self.flags[known] = self.flags.get(known, 0) + count

    def _summary(self) -> None:
        """The flags with the number of their rows; with -v what was done."""
        from adcli.cli.render import flag_text
        from adcli.cli.streams import coloured, error_text

        if not self.options.get("quiet"):
            colour = coloured(self.options.get("color", "auto"), sys.stderr)
            own = [*self.job.flags, *(self.batch.flags if self.batch is not None else [])]
            lines = dict.fromkeys(flag_text(f.code, f.message, place(f, self.program.source), colour) for f in own)
            for flag, count in sorted(self.flags.items(), key=_order):
                where = ", ".join(filter(None, (place(flag, self.program.source), f"{count:,} row{'s' * (count != 1)}")))
                lines[flag_text(flag.code, flag.message, where, colour)] = None
            error_text("".join(lines))
        self.job.say(
            program=self.program.source.name, data=self.stream.name, format=self.format,
            engine=", ".join(self.batch.ran) if self.batch is not None else "", rows=f"{self.rows:,}", failed=self.failed,
        )  # fmt: skip


def _order(told: tuple[Flag, int]) -> tuple[int, str, str]:
    """By place in the program: which rows come in one block, and so which flag is met first, depends on the size of blocks."""
    flag, _ = told
    return flag.span.start if flag.span is not None else -1, flag.op or "", flag.code
