/** The page of the API. All addresses are relative, so that it works below a path prefix of a proxy. */
export const VIEWER_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Querator API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/viewer.css">
<link rel="stylesheet" href="docs/page.css">
</head>
<body>
<div id="api"></div>
<noscript><p>This page needs JavaScript. The same is in <a href="openapi.json">openapi.json</a>.</p></noscript>
<script src="docs/viewer.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** Starts the viewer. It asks no other server: the validator of documents is off. */
export const START_SCRIPT = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  onComplete: () => {
    const set = (selector, attributes) => {
      for (const element of document.querySelectorAll(selector)) {
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      }
    };
    set('#servers', { 'aria-label': 'Server' });
    set('.information-container', { role: 'region', 'aria-label': 'About the API' });
    set('.schemes-server-container', { role: 'region', 'aria-label': 'Servers' });
    // There is no heading of the second level above them.
    set('.opblock-tag, .models > h4', { 'aria-level': '2' });
  },
});
`;

/** Colors with enough contrast, and links that are high enough for a finger. */
export const PAGE_STYLE = `.swagger-ui a, .swagger-ui .info a, .swagger-ui .link, .swagger-ui .url { color: #1b5fb0; }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #0b6b40; }
.swagger-ui .btn.authorize, .swagger-ui .btn.authorize span { border-color: #0b6b40; color: #0b6b40; }
.swagger-ui .info .title small.version-stamp { background-color: #3d6b00; }
.swagger-ui .opblock .opblock-summary-path a { color: inherit; display: inline-block; line-height: 24px; }
`;
