import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// fonts takes the fonts out of the style sheets, where they are data: URLs, so
// that the content security policy need not allow those and only the fonts that
// are used are loaded.
function fonts(): Plugin {
  return {
    name: "fonts",
    generateBundle(_, bundle) {
      let count = 0;
      const known = new Map<string, string>();
      for (const name of Object.keys(bundle).sort()) {
        const file = bundle[name];
        if (file.type !== "asset" || !name.endsWith(".css")) continue;
        file.source = String(file.source)
          .replace(/url\(["']?data:[\w/+-]*woff2?[^,]*,([A-Za-z0-9+/=]+)["']?\)/g, (_all, data: string) => {
            let font = known.get(data);
            if (!font) {
              font = `font-${++count}.woff2`;
              known.set(data, font);
              this.emitFile({ type: "asset", fileName: "assets/" + font, source: Uint8Array.from(atob(data), (c) => c.charCodeAt(0)) });
            }
            return `url(./${font})`;
          })
          .replace(/@font-face\s*{(?![^}]*font-display)/g, "@font-face{font-display:swap;");
      }
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [react(), fonts()],
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    rollupOptions: {
      output: {
        // Stable names: a change of one file is a change of one file.
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        // The editor's worker is an asset: its name must not be that of a chunk.
        assetFileNames: (asset) => (asset.names[0]?.endsWith(".js") ? "assets/[name]-asset[extname]" : "assets/[name][extname]"),
      },
    },
  },
});
