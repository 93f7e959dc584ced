import { AppLayout, Box, BreadcrumbGroup, Flashbar, SideNavigation, Spinner, TopNavigation } from "@cloudscape-design/components";
import type { BreadcrumbGroupProps } from "@cloudscape-design/components";
import { createContext, lazy, Suspense, useContext, useEffect, useState } from "react";
import type { ComponentType } from "react";
import { Commands } from "./commands";
import { useFlashes } from "./flash";
import { chooseMode, modeChoice } from "./mode";
import type { ModeChoice } from "./mode";
import { Lacking } from "./lacking";
import { Palette } from "./palette";
import { go, useRoute } from "./router";
import { ownPath, signOut, switchBack } from "./session";
import type { Role, Session } from "./session";
import { signIn, useTimeLeft } from "./timeleft";

const Current = createContext<{ session: Session; role?: Role; setRole: (r?: Role) => void } | null>(null);

// useSession is who is signed in.
export function useSession() {
  const value = useContext(Current);
  if (!value) throw new Error("no session");
  return value;
}

const users = () => import("./pages/users");
const user = () => import("./pages/user");
const keys = () => import("./pages/keys");
const groups = () => import("./pages/groups");
const policies = () => import("./pages/policies");
const roles = () => import("./pages/roles");
const account = () => import("./pages/account");
const providers = () => import("./pages/providers");
const events = () => import("./pages/events");
const health = () => import("./pages/health");
const tools = () => import("./pages/tools");
const why = () => import("./pages/why");

type Screen = ComponentType<{ name: string }>;
const screen = <M,>(load: () => Promise<M>, pick: (m: M) => Screen) => lazy(async () => ({ default: pick(await load()) }));

// routes are the pages: their path, where NAME stands for any, and their title.
const routes: [string, string, Screen][] = [
  ["home", "Dashboard", screen(account, (m) => m.Dashboard)],
  ["users", "Users", screen(users, (m) => m.Users)],
  ["users/create", "Create user", screen(() => import("./pages/createuser"), (m) => m.CreateUser)],
  ["users/details/NAME", "NAME", screen(user, (m) => m.UserPage)],
  ["users/details/NAME/create-access-key", "Create access key", screen(keys, (m) => m.CreateKey)],
  ["users/details/NAME/rotate", "Rotate access key", screen(keys, (m) => m.Rotate)],
  ["groups", "User groups", screen(groups, (m) => m.Groups)],
  ["groups/create", "Create user group", screen(groups, (m) => m.CreateGroup)],
  ["groups/details/NAME", "NAME", screen(groups, (m) => m.GroupPage)],
  ["policies", "Policies", screen(policies, (m) => m.Policies)],
  ["policies/create", "Create policy", screen(policies, (m) => m.CreatePolicy)],
  ["policies/details/NAME", "NAME", screen(policies, (m) => m.PolicyPage)],
  ["roles", "Roles", screen(roles, (m) => m.Roles)],
  ["roles/create", "Create role", screen(() => import("./pages/createrole"), (m) => m.CreateRole)],
  ["roles/details/NAME", "NAME", screen(roles, (m) => m.RolePage)],
  ["switch-role", "Switch role", screen(() => import("./pages/switchrole"), (m) => m.SwitchRole)],
  ["identity_providers", "Identity providers", screen(providers, (m) => m.Providers)],
  ["identity_providers/create", "Add provider", screen(providers, (m) => m.AddProvider)],
  ["identity_providers/details/NAME", "NAME", screen(providers, (m) => m.ProviderPage)],
  ["account_settings", "Account settings", screen(account, (m) => m.Settings)],
  ["security_credentials", "My security credentials", screen(user, (m) => m.MyCredentials)],
  ["security_credentials/create-access-key", "Create access key", screen(keys, (m) => m.CreateKey)],
  ["credential_report", "Credential report", screen(health, (m) => m.CredentialReport)],
  ["health", "Credential health", screen(health, (m) => m.Health)],
  ["simulator", "Policy simulator", screen(tools, (m) => m.Simulator)],
  ["events", "Event history", screen(events, (m) => m.Events)],
  ["events/details/NAME", "NAME", screen(events, (m) => m.EventPage)],
  ["find", "Find an access key", screen(() => import("./pages/find"), (m) => m.FindKey)],
  ["why", "Why denied?", screen(why, (m) => m.Why)],
];

function match(parts: string[]) {
  for (const [path, title, page] of routes) {
    const want = path.split("/");
    if (want.length === parts.length && want.every((w, i) => w === "NAME" || w === parts[i])) {
      const name = parts[want.indexOf("NAME")] ?? "";
      return { path, name, title: title === "NAME" ? name.replace(/^.*\//, "") : title, page };
    }
  }
  return undefined;
}

function crumbs(parts: string[], title: string): BreadcrumbGroupProps.Item[] {
  const items: BreadcrumbGroupProps.Item[] = [{ text: "IAM", href: "#/home" }];
  const section = routes.find(([path]) => path === parts[0]);
  if (section && parts.length > 1) items.push({ text: section[1], href: "#/" + section[0] });
  if (parts.length > 3) items.push({ text: parts[2], href: "#/" + parts.slice(0, 3).map(encodeURIComponent).join("/") });
  items.push({ text: title, href: location.hash || "#/home" });
  return items;
}

const navigation = [
  { type: "link", text: "Dashboard", href: "#/home" },
  {
    type: "section", text: "Access management", items: [
      { type: "link", text: "User groups", href: "#/groups" },
      { type: "link", text: "Users", href: "#/users" },
      { type: "link", text: "Roles", href: "#/roles" },
      { type: "link", text: "Policies", href: "#/policies" },
      { type: "link", text: "Identity providers", href: "#/identity_providers" },
      { type: "link", text: "Account settings", href: "#/account_settings" },
    ],
  },
  {
    type: "section", text: "Access reports", items: [
      { type: "link", text: "Credential report", href: "#/credential_report" },
      { type: "link", text: "Credential health", href: "#/health" },
      { type: "link", text: "Event history", href: "#/events" },
    ],
  },
  {
    type: "section", text: "Tools", items: [
      { type: "link", text: "Policy simulator", href: "#/simulator" },
      { type: "link", text: "Find an access key", href: "#/find" },
      { type: "link", text: "Why denied?", href: "#/why" },
    ],
  },
] as const;

export function App({ session: begun }: { session: Session }) {
  const [session, setSession] = useState(begun);
  const route = useRoute();
  const flashes = useFlashes();
  const [role, setRole] = useState<Role>();
  const [mode, setMode] = useState<ModeChoice>(modeChoice());
  const [help, setHelp] = useState(false);
  const [nav, setNav] = useState(() => window.innerWidth > 900);
  const [palette, setPalette] = useState(false);
  const found = match(route.parts);
  const left = useTimeLeft(session, setSession);
  const title = found?.title ?? "Not found";

  useEffect(() => {
    void window.scrollTo(0, 0);
  }, [route.path]);

  useEffect(() => {
    document.title = `${title} - Sallyport`;
  }, [title]);

  // The components' bar for narrow windows says an orientation, which a nav can't have.
  useEffect(() => document.querySelector("nav[aria-orientation]")?.removeAttribute("aria-orientation"));

  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
        e.preventDefault();
        setPalette(true);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const who = session.user ?? "root user";
  const menu = (id: string) => {
    if (id === "signout") signOut();
    else if (id === "licenses") return; // a page of its own
    else if (id === "back") {
      switchBack();
      setRole(undefined);
      go("/home");
    } else if (id.startsWith("mode:")) {
      const choice = id.slice(5) as ModeChoice;
      chooseMode(choice);
      setMode(choice);
    } else go(id);
  };
  const Page = found?.page;
  return (
    <Current.Provider value={{ session, role, setRole }}>
      <div id="top">
        <TopNavigation
          identity={{ href: "#/home", title: "Sallyport" }}
          i18nStrings={{ overflowMenuTriggerText: "More", overflowMenuTitleText: "All", searchIconAriaLabel: "Search", searchDismissIconAriaLabel: "Close search" }}
          utilities={[
            { type: "button", iconName: "search", text: "Search or go to", title: "Search (Ctrl+K)", onClick: () => setPalette(true) },
            ...(left ? [{ type: "button" as const, text: left, title: "Sign in again, in another tab", onClick: () => void signIn() }] : []),
            { type: "button", iconName: "script", text: "CLI", title: "The same by command", onClick: () => setHelp(!help) },
            {
              type: "menu-dropdown", iconName: "settings", ariaLabel: "Settings", title: "Settings",
              items: [
                {
                  id: "visual", text: "Visual mode", items: (["system", "light", "dark"] as const).map((m) => ({
                    id: "mode:" + m, text: { system: "Browser default", light: "Light", dark: "Dark" }[m] + (mode === m ? " (current)" : ""),
                  })),
                },
                { id: "licenses", text: "Third-party licenses", href: ownPath + "licenses.txt", external: true },
              ],
              onItemClick: (e) => menu(e.detail.id),
            },
            {
              type: "menu-dropdown", text: role ? role.display : `${who} @ ${session.alias ?? session.account}`, description: role?.arn ?? session.arn,
              ...(role ? { iconSvg: <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="7" fill={role.color} stroke="none" /></svg> } : { iconName: "user-profile" as const }),
              items: [
                { id: "/security_credentials", text: "Security credentials" },
                role ? { id: "back", text: "Switch back" } : { id: "/switch-role", text: "Switch role" },
                { id: "signout", text: "Sign out" },
              ],
              onItemClick: (e) => menu(e.detail.id),
            },
          ]}
        />
      </div>
      <AppLayout
        headerSelector="#top"
        navigationOpen={nav}
        onNavigationChange={(e) => setNav(e.detail.open)}
        toolsOpen={help}
        onToolsChange={(e) => setHelp(e.detail.open)}
        tools={<Commands />}
        ariaLabels={{ navigation: "Navigation", navigationClose: "Close navigation", navigationToggle: "Open navigation", tools: "Commands", toolsClose: "Close commands", toolsToggle: "Open commands", notifications: "Notifications" }}
        breadcrumbs={<BreadcrumbGroup items={crumbs(route.parts, title)} ariaLabel="Breadcrumbs" />}
        notifications={<Flashbar items={flashes} stackItems i18nStrings={{ ariaLabel: "Notifications", notificationBarText: "Notifications", notificationBarAriaLabel: "View all notifications", errorIconAriaLabel: "Error", successIconAriaLabel: "Success", warningIconAriaLabel: "Warning", infoIconAriaLabel: "Info", inProgressIconAriaLabel: "In progress" }} />}
        navigation={
          <SideNavigation
            header={{ text: "Identity and Access Management (IAM)", href: "#/home" }}
            activeHref={"#/" + (route.parts[0] ?? "home")}
            items={navigation as never}
            onFollow={() => window.innerWidth <= 900 && setNav(false)}
          />
        }
        content={
          <Suspense key={route.parts.join("/")} fallback={<Box textAlign="center" padding="xxl"><Spinner size="large" /></Box>}>
            <Lacking />
            {Page ? <Page key={found.path + found.name} name={found.name} /> : <Box variant="h1">There is no such page</Box>}
          </Suspense>
        }
      />
      {palette && (
        <Palette
          pages={routes.filter(([p]) => !p.includes("NAME")).map(([p, t]) => ({ path: "/" + p, title: t }))} onDismiss={() => setPalette(false)}
          commands={[
            { title: "Show the same by command", run: () => setHelp(true) },
            { title: "Dark mode", run: () => menu("mode:dark") },
            { title: "Light mode", run: () => menu("mode:light") },
            { title: "Mode of the browser", run: () => menu("mode:system") },
            ...(role ? [{ title: "Switch back", run: () => menu("back") }] : []),
            { title: "Sign out", run: signOut },
          ]}
        />
      )}
    </Current.Provider>
  );
}
