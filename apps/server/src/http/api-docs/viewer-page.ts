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

/**
 * Starts the viewer. It asks no other server: the validator of documents is off. What it draws lacks some of what
 * screen readers need: names of fields and regions, headings without gaps, and paths that are no links within buttons.
 */
export const START_SCRIPT = `const NAMES = {
  '#servers': 'Server',
  '.examples-select-element': 'Example',
  'textarea.body-param__text': 'Body of the request',
  '.close-modal': 'Close',
};
const REGIONS = { '.information-container': 'About the API', '.scheme-container': 'Server and key' };
const api = document.getElementById('api');

function amend() {
  for (const [selector, name] of Object.entries(NAMES))
    for (const element of api.querySelectorAll(selector + ':not([aria-label])')) element.setAttribute('aria-label', name);
  for (const [selector, name] of Object.entries(REGIONS))
    for (const element of api.querySelectorAll(selector + ':not([role])')) {
      element.setAttribute('role', 'region');
      element.setAttribute('aria-label', name);
    }
  for (const heading of api.querySelectorAll('h3, h4, h5'))
    if (!heading.hasAttribute('aria-level')) heading.setAttribute('aria-level', Number(heading.tagName[1]) - 1);
  // Examples are wider than a narrow window: the keyboard scrolls what has the focus.
  for (const text of api.querySelectorAll('pre.microlight:not([tabindex])')) text.setAttribute('tabindex', '0');
  for (const button of api.querySelectorAll('.modal-btn[aria-label]')) button.removeAttribute('aria-label');
}

new MutationObserver(amend).observe(api, { childList: true, subtree: true });
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [
    ({ React }) => ({ wrapComponents: { DeepLink: () => ({ text }) => React.createElement('span', null, text) } }),
  ],
});
`;

/** Colors with enough contrast, targets that are high enough for a finger, and room on narrow screens. */
export const PAGE_STYLE = `.swagger-ui a, .swagger-ui .info a, .swagger-ui .link, .swagger-ui .url { color: #1b5fb0; }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #0b6b40; }
.swagger-ui .btn.authorize, .swagger-ui .btn.authorize span { border-color: #0b6b40; color: #0b6b40; }
.swagger-ui .info .title small.version-stamp { background-color: #3d6b00; }
.swagger-ui .btn { transition: none; }
.swagger-ui .btn.cancel { border-color: #c02626; color: #c02626; }
.swagger-ui .btn.execute { background-color: #2a66ad; border-color: #2a66ad; }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1f6db5; }
.swagger-ui .download-contents { background: #5a5f70; }
.swagger-ui .highlight-code code span[style*="211, 99, 99"] { color: #ff9d9d !important; }

/* The document has no links between calls. */
.swagger-ui .response-col_links { display: none; }

@media (max-width: 640px) {
  .swagger-ui table.responses-table { table-layout: fixed; }
  .swagger-ui .responses-table .response-col_status { width: 4em; min-width: 0; }
  .swagger-ui .responses-inner { padding: 10px; }
  .swagger-ui .opblock .opblock-section-header { height: auto; flex-wrap: wrap; gap: 8px; }
  .swagger-ui .opblock-summary-path { overflow-wrap: anywhere; }
}
`;
