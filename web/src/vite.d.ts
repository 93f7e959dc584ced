/// <reference types="vite/client" />
declare module "ace-builds/src-noconflict/*" {
  const value: any;
  export default value;
}
