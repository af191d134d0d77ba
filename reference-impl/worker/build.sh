#!/bin/sh
# Builds the Worker into reference-impl/worker/build: index.js and index_bg.wasm, ready for run.mjs or an upload.
#
#   build.sh            small: optimised for size, wasm-opt -Oz
#   build.sh --dev      quick: little optimisation; with the test-only control API
#   build.sh --sabotage the same with switches for the flaws of `conformance saboteurs`, into build-sabotage
#   build.sh --check    only proves that reference-core, reference-http and this crate compile for wasm32
#
# Exit codes: 0 done, 1 the build failed, 2 usage, 3 a tool is missing and cannot be had.
# Variables: CARGO_TARGET_DIR as for cargo; PLUMBLINE_TOOLS, folder for wasm-bindgen (default: tools/ in the target folder);
# PLUMBLINE_WASM_STD=rustup takes rustup's standard library without trying to compile one, for a quicker first build.
set -eu

mode=release
case "${1-}" in
  "") ;;
  --dev) mode=dev ;;
  --sabotage) mode=sabotage ;;
  --check) mode=check ;;
  *) echo "build.sh: expected nothing, --dev, --sabotage or --check, found \`$1\`" >&2; exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=wasm32-unknown-unknown
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
export CARGO_TARGET_DIR
tools=${PLUMBLINE_TOOLS:-$CARGO_TARGET_DIR/tools}

missing() { echo "build.sh: missing: $1" >&2; exit 3; }

# A standard library for wasm32: the distribution's sources compiled along, or rustup's. The first needs crates that the standard
# library itself stands on, once, and about four minutes. It alone can unwind: a panic is then caught by the edge and costs its
# request; with rustup's, which aborts, it costs every request that is under way in the isolate, and the suite fails there.
std_by_rustup() {
  command -v rustup >/dev/null 2>&1 || return 1
  (cd "$root" && rustup target list --installed 2>/dev/null | grep -qx "$target") && return 0
  (cd "$root" && rustup target add "$target" >/dev/null 2>&1)
}
std_by_sources() {
  [ "${PLUMBLINE_WASM_STD-}" != rustup ] || return 1
  [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] || return 1
  [ -f "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.toml" ] || return 1
  linker=$(command -v wasm-ld-22 || command -v wasm-ld || command -v rust-lld) || return 1
  PATH="/usr/bin:$PATH"
  RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_unwind
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=-Cpanic=unwind
  export PATH RUSTC RUSTC_BOOTSTRAP CARGO_UNSTABLE_BUILD_STD CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS
  unset RUSTUP_TOOLCHAIN
}
std_by_sources || std_by_rustup ||
  missing "a standard library for $target (packages rustc-web cargo-web rust-web-src lld-22, or \`rustup target add $target\`)"

cd "$root"
if [ "$mode" = check ]; then
  cargo check --locked --target "$target" -p reference-core -p reference-http -p reference-worker \
    --features reference-worker/control || exit 1
  echo "reference-core, reference-http and reference-worker compile for $target"
  exit 0
fi

# The glue's generator must be of the library's very version.
version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock)
bindgen=$tools/bin/wasm-bindgen
if [ "$("$bindgen" --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
  # A host program: none of the target's settings, and the ordinary toolchain where there is one.
  (
    unset RUSTC_BOOTSTRAP CARGO_UNSTABLE_BUILD_STD
    cargo install --quiet --debug --no-default-features --bin wasm-bindgen --root "$tools" --target-dir "$tools/target" \
      "wasm-bindgen-cli@$version"
  ) || missing "wasm-bindgen $version (\`cargo install wasm-bindgen-cli@$version\`)"
fi
command -v npm >/dev/null 2>&1 || missing "node and npm"
[ -d "$here/node_modules" ] || (cd "$here" && npm ci --silent) || missing "the packages of package-lock.json (\`npm ci\`)"

out=$here/build
if [ "$mode" = dev ]; then
  cargo build --locked --target "$target" -p reference-worker --profile worker-dev --features control || exit 1
  built=$CARGO_TARGET_DIR/$target/worker-dev
elif [ "$mode" = sabotage ]; then
  # A folder of its own, or it would stand in the place of the clean bundle.
  out=$here/build-sabotage
  cargo build --locked --target "$target" -p reference-worker --profile worker-dev --features sabotage || exit 1
  built=$CARGO_TARGET_DIR/$target/worker-dev
else
  cargo build --locked --target "$target" -p reference-worker --profile worker || exit 1
  built=$CARGO_TARGET_DIR/$target/worker
fi

# Whoever asks again before anything has changed gets what is there.
told() { echo "reference-impl/worker/${out##*/}: $(($(cat "$out/index.js" "$out/index_bg.wasm" | gzip -9 | wc -c) / 1024)) KiB gzip"; }
made_of="$mode $(cksum <"$built/reference_worker.wasm") $(cat "$here/shim.js" "$0" "$here/package-lock.json" | cksum)"
if [ "$(cat "$out.made-of" 2>/dev/null)" = "$made_of" ]; then
  told
  exit 0
fi

stage=$out.new
rm -rf "$stage"
mkdir "$stage"
trap 'rm -rf "$stage"' EXIT
"$bindgen" "$built/reference_worker.wasm" --target module --no-typescript --out-name index --out-dir "$stage" \
  --experimental-reset-state-function --force-enable-abort-handler
if [ "$mode" = release ]; then
  # The features that rustc turns on for this target and those that the glue uses, by name: newer ones that wasm-opt knows may
  # be unknown to the host.
  "$here/node_modules/.bin/wasm-opt" -Oz --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int \
    --enable-bulk-memory --enable-multivalue --enable-reference-types --enable-exception-handling \
    "$stage/index_bg.wasm" -o "$stage/small.wasm"
  mv "$stage/small.wasm" "$stage/index_bg.wasm"
fi
cp "$here/shim.js" "$stage/shim.js"
"$here/node_modules/.bin/esbuild" "$stage/shim.js" --bundle --format=esm --minify --log-level=warning \
  --external:./index_bg.wasm '--external:cloudflare:*' --outfile="$stage/bundle.js"
# `import source` is how the standard will spell what the host takes plainly.
sed 's/import source /import /' "$stage/bundle.js" >"$stage/index.js"
rm -rf "$out"
mkdir "$out"
mv "$stage/index.js" "$stage/index_bg.wasm" "$out/"
echo "$made_of" >"$out.made-of"
told
