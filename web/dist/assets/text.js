import{l as e,p as t}from"./document.js";import{w as n}from"./ui.js";var r=n();function i({text:e,marks:t,label:n}){let i=[],a=0;for(let[n,o]of[...t].sort((e,t)=>e[0]-t[0]))n<a||o<=n||(i.push(e.slice(a,n),(0,r.jsx)(`mark`,{children:e.slice(n,o)},n)),a=o);return i.push(e.slice(a)),(0,r.jsx)(`pre`,{tabIndex:0,"aria-label":n,children:i})}function a(n){let r=e(n),i=Array.isArray(r?.Statement)?`
    `:`
  `,a=0;return t(r).map(e=>{let t=JSON.stringify(e,null,2).replaceAll(`
`,i),r=n.indexOf(t,a);return r>=0&&(a=r+t.length),[Math.max(r,0),r<0?0:a]})}var o=(e,t,n)=>e.split(`
`).slice(0,t-1).reduce((e,t)=>e+t.length+1,0)+n-1;export{o as n,a as r,i as t};