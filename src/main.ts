// The process. Nothing of ours is loaded before it is known that this Node.js can run it: on Node.js 20 the database module ends the process
// with a segmentation fault and without a word.

const NODE_MAJOR_MIN = 24;
/** EX_UNAVAILABLE of sysexits(3). */
const EXIT_UNAVAILABLE = 69;

const { node } = process.versions;
if (Number.parseInt(node, 10) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `postern needs Node.js ${NODE_MAJOR_MIN} or newer, and this is ${node}: install a newer one, or start with \`npm start\`, which brings its own\n`,
  );
  process.exitCode = EXIT_UNAVAILABLE;
} else {
  const { main } = await import('./cli/main.ts');
  process.exit(await main(process.argv.slice(2)));
}
