// The encoding half of the web's text codec.
import { ccf } from "./global.js";

export class TextEncoder {
  encoding = "utf-8";

  encode(text) {
    return new Uint8Array(ccf.strToBuf(text));
  }

  encodeInto() {
    throw new Error("Not implemented");
  }
}
