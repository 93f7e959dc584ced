export function CredentialReport(_: { name: string }) { return null; }
export function Health(_: { name: string }) { return null; }
export function Simulator(_: { name: string }) { return null; }
export function Events(_: { name: string }) { return null; }
export function FindKey(_: { name: string }) { return null; }
export function Why(_: { name: string }) { return null; }
