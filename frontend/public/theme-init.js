(() => {
  let t = 'system';
  try {
    t = JSON.parse(localStorage.getItem('countersign.display') || '{}').theme || t;
  } catch {}
  if (t === 'system') t = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.dataset.theme = t;
})();
