// Values as bytes, for typed tables. The bytes are those of CCF's package, so that either reads what the other wrote.
import { ccf } from "./global.js";
import { toArrayBuffer } from "./buffers.js";

function number(value) {
  if (typeof value !== "number") {
    throw new TypeError(`Value ${value} is not a number`);
  }
}

function bigint(value) {
  if (typeof value !== "bigint") {
    throw new TypeError(`Value ${value} is not a bigint`);
  }
}

const integer = (name, least, most) => (value) => {
  number(value);
  if (!Number.isInteger(value)) {
    throw new TypeError(`Value ${value} is not an integer`);
  }
  if (value < least || value > most) {
    throw new RangeError(`value is not within ${name} range`);
  }
};

// Numbers of one kind of DataView, least significant byte first. CCF gives a uint8 two bytes.
const numeric = (kind, bytes, check) => ({
  encode(value) {
    check(value);
    const buffer = new ArrayBuffer(bytes);
    new DataView(buffer)[`set${kind}`](0, value, true);
    return buffer;
  },
  decode: (buffer) => new DataView(buffer)[`get${kind}`](0, true),
});

export const int8 = numeric("Int8", 1, integer("int8", -128, 127));
export const uint8 = numeric("Uint8", 2, integer("uint8", 0, 255));
export const int16 = numeric("Int16", 2, integer("int16", -32768, 32767));
export const uint16 = numeric("Uint16", 2, integer("uint16", 0, 65535));
export const int32 = numeric("Int32", 4, integer("int32", -2147483648, 2147483647));
export const uint32 = numeric("Uint32", 4, integer("uint32", 0, 4294967295));
export const int64 = numeric("BigInt64", 8, bigint);
export const uint64 = numeric("BigUint64", 8, bigint);
export const float32 = numeric("Float32", 4, number);
export const float64 = numeric("Float64", 8, number);

export const bool = {
  encode(value) {
    if (typeof value !== "boolean") {
      throw new TypeError(`Value ${value} is not a boolean`);
    }
    return new Uint8Array([value ? 1 : 0]).buffer;
  },
  decode: (buffer) => new DataView(buffer).getUint8(0) === 1,
};

export const string = {
  encode(value) {
    if (typeof value !== "string") {
      throw new TypeError(`Value ${value} is not a string`);
    }
    return ccf.strToBuf(value);
  },
  decode: (buffer) => ccf.bufToStr(buffer),
};

const jsonConverter = {
  encode: (value) => ccf.jsonCompatibleToBuf(value),
  decode: (buffer) => ccf.bufToJsonCompatible(buffer),
};

// Throws at what JSON would lose.
function checkJson(value) {
  for (const [type, name] of [[Map, "a Map"], [Date, "a Date"]]) {
    if (value instanceof type) {
      throw new TypeError(`Value contains ${name}, which JSON does not keep`);
    }
  }
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(checkJson);
  }
}

const checkedConverter = {
  encode(value) {
    checkJson(value);
    return jsonConverter.encode(value);
  },
  decode: jsonConverter.decode,
};

export const json = () => jsonConverter;
export const checkedJson = () => checkedConverter;

export const typedArray = (type) => ({
  encode: (value) => toArrayBuffer(value),
  decode: (buffer) => new type(buffer),
});

export const arrayBuffer = { encode: (value) => value, decode: (buffer) => buffer };
