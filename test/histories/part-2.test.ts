import { playPart } from './play-part.js'

playPart(2)
