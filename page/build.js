// Builds the vendored bundles with exact versions (package-lock.json) and gathers the licences of what is in them.
//   npm ci && npm run build
import { build } from "esbuild";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const vendor = join(here, "../app/evenhand/proxy/console/page/vendor");
const bundles = [
  ["editor.js", "codemirror.js"],
  ["charts.js", "uplot.js"],
];

async function bundle(entry, name) {
  const made = await build({
    absWorkingDir: here,
    entryPoints: [entry],
    outfile: join(vendor, name),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    metafile: true,
    banner: { js: `/* Built by page/build.js from the packages listed in ${name.replace(".js", ".LICENSE.txt")}. */` },
  });
  return [...new Set(Object.keys(made.metafile.inputs).map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]))].filter(Boolean).sort();
}

async function licence(name) {
  const folder = join(here, "node_modules", name);
  const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const text = await readFile(join(folder, "LICENSE"), "utf8");
  return `${name} ${about.version} (${about.license})\n\n${text.trim()}\n`;
}

await mkdir(vendor, { recursive: true });
for (const [entry, name] of bundles) {
  const packages = await bundle(entry, name);
  const texts = await Promise.all(packages.map(licence));
  await writeFile(join(vendor, name.replace(".js", ".LICENSE.txt")), texts.join(`\n${"-".repeat(72)}\n\n`));
}
await copyFile(join(here, "node_modules/uplot/dist/uPlot.min.css"), join(vendor, "uplot.css"));
