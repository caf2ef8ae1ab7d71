#!/usr/bin/env node
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Browser } from './browser.js'
import type { Page, Screen } from './browser-page.js'
import { Fleet } from './fleet.js'
import { ONE_POOL, THREE_POOLS } from './plans.js'

const FOLDER = path.join(__dirname, '../../docs/screenshots')
/** As long as the charts go back. */
const FILL_SECONDS = 300

const DESKTOP = { width: 1360, height: 940 }
const TALL = { width: 1360, height: 1560 }
const PHONE = { width: 390, height: 1170, scale: 1.5, isPhone: true }

const seconds = Number(process.argv[2] ?? FILL_SECONDS)

async function take(page: Page, name: string, screen: Screen): Promise<void> {
  await page.show(screen)
  // The charts are drawn anew at their new width, and a second later with all that came.
  await delay(1500)
  const picture = await page.picture()
  writeFileSync(path.join(FOLDER, `${name}.png`), picture)
  console.log(`${name}.png  ${screen.width}×${screen.height}  ${Math.round(picture.length / 1024)} KiB`)
}

async function onePool(fleet: Fleet, page: Page): Promise<void> {
  await delay(seconds * 600)
  await fleet.order(3, { draining: true })
  await delay(seconds * 100)
  await fleet.order(3, { draining: false })
  await delay(seconds * 300)
  await take(page, 'desktop', DESKTOP)
  await take(page, 'phone', PHONE)
  await take(page, 'dark', { ...DESKTOP, isDark: true })
  fleet.kill(1)
  await page.until(`document.querySelector('[data-state=unhealthy]')`)
  await delay(8000)
  await page.evaluate(`document.querySelectorAll('.expander')[1].click()`)
  await take(page, 'backend-down', DESKTOP)
}

async function threePools(fleet: Fleet, page: Page): Promise<void> {
  await delay(seconds * 900)
  fleet.kill(5)
  await page.until(`document.querySelector('[data-state=unhealthy]')`)
  await delay(seconds * 100)
  await take(page, 'pools', TALL)
  await take(page, 'pools-dark', { ...TALL, isDark: true })
  await page.show(PHONE)
  await page.evaluate(`document.getElementById('backends').scrollIntoView()`)
  await take(page, 'pools-phone', PHONE)
}

/** Opens the page of a fleet. */
async function open(browser: Browser, { url }: Fleet): Promise<Page> {
  const page = await browser.newPage()
  await page.show(DESKTOP)
  await page.open(`${url}/__lb/`)
  return page
}

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  const browser = new Browser()
  const fleets: Fleet[] = []
  try {
    for (const plan of [ONE_POOL, THREE_POOLS]) fleets.push(await Fleet.start(plan))
    const pages = await Promise.all(fleets.map((fleet) => open(browser, fleet)))
    console.log(`The charts fill for ${seconds} s`)
    await Promise.all([onePool(fleets[0]!, pages[0]!), threePools(fleets[1]!, pages[1]!)])
    const complaints = pages.flatMap((page) => page.complaints)
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
  } finally {
    await browser.close()
    await Promise.all(fleets.map((fleet) => fleet.stop()))
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
