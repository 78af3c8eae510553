// What scripts print is kept by the node that runs them.
declare const console: Record<"log" | "info" | "warn" | "error", (...values: unknown[]) => void>;
