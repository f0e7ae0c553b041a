// `postern selftest --power-loss` against what it is for: kills, which lose nothing, and disks that lose what they said they had.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeWithPeers, peer } from '../support/peers.ts';
import { PosternProcess, postern, temporaryDirectory } from '../support/postern-process.ts';

const SELFTEST = ['selftest', '--power-loss'];

function begun(data: string, args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): PosternProcess {
  return new PosternProcess([...SELFTEST, '--data', data, ...args], { environment });
}

/** Waits until the run shows a number of at least `least`. @returns the last one it has shown. */
async function shown(run: PosternProcess, least: number): Promise<number> {
  for (let lines = 1; ; lines += 1) {
    await run.prints(new RegExp(`(?:acknowledged \\d+\\n[\\s\\S]*?){${lines}}`));
    const number = lastShown(run.output);
    if (number >= least) return number;
  }
}

function lastShown(output: string): number {
  return Number([...output.matchAll(/acknowledged (\d+)\n/g)].at(-1)?.[1] ?? 0);
}

async function killed(run: PosternProcess): Promise<void> {
  run.kill('SIGKILL');
  await run.ended;
}

const compare = (data: string, ...args: string[]) => postern([...SELFTEST, '--data', data, ...args]);

describe('postern selftest --power-loss', () => {
  test('after a kill nothing is lost, and nothing is left', async () => {
    const data = temporaryDirectory();
    const run = begun(data);
    const number = await shown(run, 1_500); // more than the window that is kept
    await killed(run);
    expect(await compare(data)).toMatchObject({ code: 73, stderr: expect.stringContaining('holds a run already: --verify it, or --clean it away') });
    const verified = await compare(data, '--verify', String(lastShown(run.output)));
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toMatch(
      new RegExp(`: ${lastShown(run.output)} acknowledged, found up to \\d+\na flush takes .* MiB/s .*\n[\\s\\S]*lost 0: what was acknowledged is there`),
    );
    expect([number >= 1_500, readdirSync(data)]).toEqual([true, []]);
  });

  test('a disk that goes back to what it was a moment ago has lost what it acknowledged since', async () => {
    const data = temporaryDirectory();
    const run = begun(data);
    await shown(run, 100);
    run.kill('SIGSTOP');
    const [scratch, before] = [join(data, 'selftest'), join(temporaryDirectory(), 'before')];
    cpSync(scratch, before, { recursive: true });
    run.kill('SIGCONT');
    const number = await shown(run, 1_000);
    await killed(run);
    rmSync(scratch, { recursive: true });
    cpSync(before, scratch, { recursive: true });
    const verified = await compare(data, '--verify', String(number));
    expect(verified.code).toBe(65);
    const [, found, lost] = /found up to (\d+)\n[\s\S]*lost (\d+): the disk said that these were written, and they were not\n/.exec(verified.stdout) ?? [];
    expect(Number(found) + Number(lost)).toBe(number);
    expect(Number(lost)).toBeGreaterThan(100);
    expect(existsSync(scratch)).toBe(true);
    expect(await compare(data, '--clean')).toMatchObject({ code: 0, stdout: `${scratch} removed\n` });
    expect(readdirSync(data)).toEqual([]);
  });

  test('a database that lost its log, or was damaged, is no better', async () => {
    const data = temporaryDirectory();
    const run = begun(data);
    const number = await shown(run, 50);
    await killed(run);
    const database = join(data, 'selftest', 'postern.db');
    writeFileSync(database, readFileSync(database).fill(0));
    rmSync(`${database}-wal`, { force: true });
    const verified = await compare(data, '--verify', String(number));
    expect([verified.code, verified.stdout]).toEqual([65, expect.stringMatching(new RegExp(`found up to 0\n[\\s\\S]*lost ${number}:`))]);
  });

  test('another host hears each number, and what it wrote down is compared', async () => {
    const [data, file] = [temporaryDirectory(), join(temporaryDirectory(), 'heard.txt')];
    const receiver = new PosternProcess(['selftest', '--receive', '0', '--file', file]);
    const [, port = ''] = await receiver.prints(/listening on 0\.0\.0\.0:(\d+)/);
    const run = begun(data, ['--report-to', `127.0.0.1:${port}`]);
    await receiver.prints(/acknowledged (?:\d{4,}|[2-9]\d\d)\n/); // while the other goes on: a datagram may be lost
    await killed(run);
    receiver.kill('SIGTERM');
    expect(await receiver.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/to compare: postern selftest --power-loss --heard .*heard\.txt\n$/) });
    const [, heard] = /^[0-9a-f]{8} (\d+)\n$/.exec(readFileSync(file, 'utf8')) ?? [];
    expect(Number(heard)).toBeGreaterThanOrEqual(200);
    expect(await compare(data, '--heard', file)).toMatchObject({ code: 0, stdout: expect.stringContaining(`${heard} acknowledged, found up to`) });
    await killed(await shownBy(begun(data)));
    expect(await compare(data, '--heard', file)).toMatchObject({ code: 64, stderr: expect.stringContaining('is of another run') });
  });

  test('ends by itself or by a signal, and can be compared all the same', async () => {
    const data = temporaryDirectory();
    const ended = await begun(data, ['--seconds', '1', '--set', 'store.committer=worker']).ended;
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const [, number = ''] = /stopped, and nothing was cut; to look at what was written: .* --verify (\d+)\n$/.exec(ended.stdout) ?? [];
    expect(await compare(data, '--verify', number)).toMatchObject({ code: 0 });
  });

  test.each([
    [['selftest'], 64, /say what to test: --power-loss/],
    [[...SELFTEST, '--report-to', 'nowhere'], 64, /--report-to wants HOST:PORT, not nowhere/],
    [[...SELFTEST, '--seconds', 'x'], 64, /--seconds wants a whole number, not x/],
    [[...SELFTEST, '--verify', '7', '--data', '/nowhere'], 65, /\/nowhere\/selftest does not exist: if the run wrote there, the disk has lost all of it/],
    [['selftest', '--receive', 'x'], 64, /--receive wants a whole number, not x/],
  ])('%j', async (args, code, stderr) => {
    expect(await postern(args)).toMatchObject({ code, stderr: expect.stringMatching(stderr) });
  });
});

async function shownBy(run: PosternProcess): Promise<PosternProcess> {
  await shown(run, 1);
  return run;
}

describeWithPeers(['gcc', '/usr/include/stdio.h'], 'flushes that somebody swallows', () => {
  test('are named at the start, and a run with them proves nothing', async () => {
    const library = join(temporaryDirectory(), 'no-fsync.so');
    execFileSync(peer('gcc'), ['-shared', '-fPIC', '-o', library, 'test/support/no-fsync.c'], { stdio: ['ignore', 2, 2] });
    const data = temporaryDirectory();
    const run = begun(data, ['--set', 'store.committer=inline'], { LD_PRELOAD: library });
    const number = await shown(run, 10);
    expect(run.output).toMatch(/\nDOUBTFUL: a flush takes 0\.00\d\d ms, less than any disk needs: something swallows flushes\n/);
    await killed(run);
    expect((await compare(data, '--verify', String(number))).stdout).toContain('lost 0, but see above: this run proves nothing\n');
  });
});
