import path from "node:path";
import { expect, test } from "vitest";
import { canMount, folders, inNamespace } from "./small-disk.js";

test.skipIf(!canMount)(
  "a full disk for temporary files is not used: each file is made where it stays",
  async () => {
    const { folder, images, disk } = await folders();
    const out = path.join(folder, "out");
    const script = `
mount -t tmpfs -o size=4k none "$DISK" && head -c 4096 /dev/zero > "$DISK/full" || exit 9
export TMPDIR="$DISK"
"$NODE" "$PROGRAM" train "$IMAGES" $FLAGS --out "$OUT" --quiet --json > /dev/null; echo "exit $?"
"$NODE" "$PROGRAM" encode "$OUT" "$IMAGES" --size 24 --out "$OUT/codes" --quiet --json > /dev/null; echo "exit $?"
`;
    const { stdout, stderr } = await inNamespace(script, { DISK: disk, IMAGES: images, OUT: out });
    expect({ stdout, stderr }).toEqual({ stdout: "exit 0\nexit 0\n", stderr: "" });
  },
);
