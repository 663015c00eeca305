export * from "./autoencoder/index.js";
export * from "./core/errors.js";
export { Random } from "./core/random.js";
export * from "./quantizers/index.js";
