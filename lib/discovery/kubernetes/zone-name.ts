/** As the value of a label, which is what names a zone. */
const ZONE = /^[-\w.]{1,63}$/

export const ZONE_NAME = 'the name of a zone such as eu-west-1a'
export const isZone = (text: string) => ZONE.test(text)
