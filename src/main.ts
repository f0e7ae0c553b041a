// The process. Nothing of ours is loaded before it is known that this Node.js can run it: on Node.js 20 the database module ends the process
// with a segmentation fault and without a word.

/** The first with argon2 in node:crypto, which every password needs. */
const NODE_MIN = { major: 24, minor: 7 };
/** EX_UNAVAILABLE of sysexits(3). */
const EXIT_UNAVAILABLE = 69;

const { node } = process.versions;
const [major = 0, minor = 0] = node.split('.').map(Number);
if (major < NODE_MIN.major || (major === NODE_MIN.major && minor < NODE_MIN.minor)) {
  process.stderr.write(
    `postern needs Node.js ${NODE_MIN.major}.${NODE_MIN.minor} or newer, and this is ${node}: install a newer one, or start with \`npm start\`, which brings its own\n`,
  );
  process.exitCode = EXIT_UNAVAILABLE;
} else {
  const { main } = await import('./cli/main.ts');
  process.exit(await main(process.argv.slice(2)));
}
