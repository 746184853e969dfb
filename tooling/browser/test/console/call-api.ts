/** Makes a call that the client of the API lacks. @throws Error if it is refused. */
export async function callApi<Reply = Record<string, string>>(
  { url, key }: { readonly url: string; readonly key: string },
  path: string,
  request: object,
): Promise<Reply> {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` };
  const reply = await fetch(`${url}/${path}`, { method: 'POST', headers, body: JSON.stringify(request) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${path}: ${text}`);
  return JSON.parse(text);
}
