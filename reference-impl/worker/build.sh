#!/bin/sh
# Builds the Worker into reference-impl/worker/build: index.js and index_bg.wasm, ready for run.mjs or an upload.
#
#   build.sh            small: optimised for size, wasm-opt -Oz
#   build.sh --dev      quick: no optimisation; with the test-only control API
#   build.sh --check    only proves that reference-core, reference-http and this crate compile for wasm32
#
# Exit codes: 0 done, 1 the build failed, 2 usage, 3 a tool is missing and cannot be had.
# Variables: CARGO_TARGET_DIR as for cargo; PLUMBLINE_TOOLS, folder for wasm-bindgen (default: tools/ in the target folder);
# PLUMBLINE_WASM_STD=rebuild takes the second way to a standard library without trying the first.
set -eu

mode=release
case "${1-}" in
  "") ;;
  --dev) mode=dev ;;
  --check) mode=check ;;
  *) echo "build.sh: expected nothing, --dev or --check, found \`$1\`" >&2; exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=wasm32-unknown-unknown
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
export CARGO_TARGET_DIR
tools=${PLUMBLINE_TOOLS:-$CARGO_TARGET_DIR/tools}

missing() { echo "build.sh: missing: $1" >&2; exit 3; }

# A standard library for wasm32: rustup's, or the distribution's sources compiled along. The second needs crates that the
# standard library itself stands on, once, and about four minutes. It alone can unwind: a panic is then caught by the edge and
# costs its request; with rustup's, which aborts, it costs every request that is under way in the isolate.
std_by_rustup() {
  [ "${PLUMBLINE_WASM_STD-}" != rebuild ] && command -v rustup >/dev/null 2>&1 || return 1
  (cd "$root" && rustup target list --installed 2>/dev/null | grep -qx "$target") && return 0
  (cd "$root" && rustup target add "$target" >/dev/null 2>&1)
}
std_by_sources() {
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
std_by_rustup || std_by_sources ||
  missing "a standard library for $target (\`rustup target add $target\`, or packages rustc-web cargo-web rust-web-src lld-22)"

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

if [ "$mode" = dev ]; then
  cargo build --locked --target "$target" -p reference-worker --features control || exit 1
  built=$CARGO_TARGET_DIR/$target/debug
else
  cargo build --locked --target "$target" -p reference-worker --profile worker || exit 1
  built=$CARGO_TARGET_DIR/$target/worker
fi

stage=$here/build.new
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
rm -rf "$here/build"
mkdir "$here/build"
mv "$stage/index.js" "$stage/index_bg.wasm" "$here/build/"
size=$(cat "$here/build/index.js" "$here/build/index_bg.wasm" | gzip -9 | wc -c)
echo "reference-impl/worker/build: $((size / 1024)) KiB gzip"
