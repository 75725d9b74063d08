/** How long Redis may take before whoever asks is told so. */
export const PATIENCE_MS = 3_000;
