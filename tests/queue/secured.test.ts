import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { QueueConnection } from "../../src/queue/connection.js";
import { freePort, hasRedis, RedisServer } from "./redis-server.js";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

describe.skipIf(!hasRedis)("a Redis with a password (needs redis-server)", () => {
  it("takes it from the address or beside it, and says without it that it is refused", async () => {
    const server = await RedisServer.start(["--requirepass", "secret"]);
    try {
      const { port } = server;
      for (const address of [
        { url: `redis://:secret@127.0.0.1:${port}` },
        { url: `redis://127.0.0.1:${port}`, password: "secret" },
      ]) {
        const connection = await QueueConnection.open(address);
        await connection.redis.set("a", "b");
        await connection.close();
      }
      const without = QueueConnection.open({ url: server.url });
      await expect(without).rejects.toThrow(/NOAUTH|[Aa]uthentication required/);
      const wrong = QueueConnection.open({ url: server.url, password: "guess" });
      await expect(wrong).rejects.toThrow(/WRONGPASS/);
      await expect(wrong).rejects.not.toThrow(/guess/);
    } finally {
      await server.remove();
    }
  });
});

describe.skipIf(!hasRedis || !hasOpenssl)("a Redis with TLS alone (needs redis-server and openssl)", () => {
  const dir = mkdtempSync(path.join(tmpdir(), "vqkit-tls-"));
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it("is reached by rediss:// where its certificate is trusted, and not otherwise", async () => {
    const [key, certificate] = [path.join(dir, "key.pem"), path.join(dir, "certificate.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const form = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", ["req", "-x509", ...form, ...subject, "-keyout", key, "-out", certificate], {
      stdio: "ignore",
    });
    const port = await freePort();
    const tls = ["--tls-port", String(port), "--port", "0", "--tls-auth-clients", "no"];
    const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
    const server = await RedisServer.start([...tls, ...files, "--requirepass", "secret"]);
    try {
      const url = `rediss://:secret@127.0.0.1:${port}`;
      await expect(QueueConnection.open({ url })).rejects.toThrow(/self-signed certificate/);
      // The authority is given to a process when it starts.
      const script = `
        import { Redis } from "ioredis";
        const redis = new Redis(${JSON.stringify(url)});
        process.stdout.write(await redis.ping());
        redis.disconnect();`;
      const answer = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate },
        cwd: path.resolve(import.meta.dirname, "../.."),
      });
      expect(answer.toString()).toBe("PONG");
    } finally {
      await server.remove();
    }
  });
});
